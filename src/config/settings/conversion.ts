// What others may be told of conversions of content. RFC 4141.

import { z } from 'zod';
import { featureSetCharsMax, isFeatureSet } from '../../mail/feature-set.ts';
import * as setting from './setting.ts';

const featureSet = setting.text('a media feature set', { about: '' }, (text) =>
  isFeatureSet(text)
    ? undefined
    : `must be a media feature set of at most ${featureSetCharsMax} characters such as '(& (color=binary) (dpi=[100,200]))' (RFC 2533), not ${setting.shown(text)}`,
);

/** 'fax@example.org', '@fax.example.org'. */
const addressOrDomain = z
  .string()
  .refine(
    (address) =>
      address.includes('@') && setting.isDomain(address.slice(address.lastIndexOf('@') + 1)),
    { error: "must be an address or '@domain'" },
  );

const contentConversion = z.strictObject({
  permission: setting
    .flag({
      about:
        'Offers CONPERM: mail whose author would rather have it back than see it delivered in a form that the recipient cannot show. Nothing is converted here; such mail goes only to servers that offer CONPERM, too, and to mailboxes as it is. Turn it on where those behind this server convert.',
      default: 'false',
    })
    .prefault(false),
  features: z.record(addressOrDomain, featureSet).prefault({}).meta({
    about:
      "What recipients' devices can show, by address or `'@domain'`: `{ '@fax.example.org': '(& (color=binary) (dpi=[100,200]))' }` (RFC 2533). With it CONNEG is offered, and whoever asks is told.",
    kind: 'an object: address to media feature set',
    default: '{}',
  }),
});

export const conversionSettings = {
  contentConversion: contentConversion.prefault({}).meta({
    about: 'What others hear of converting content on its way (CONPERM and CONNEG). RFC 4141.',
  }),
};
