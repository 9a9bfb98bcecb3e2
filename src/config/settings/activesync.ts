// Settings of Exchange ActiveSync.

import { z } from 'zod';
import * as setting from './setting.ts';

const activeSync = z.strictObject({
  requireProvision: setting
    .flag({
      about:
        'A phone has to take the policies, which demand nothing, before it gets mail: only then can it be wiped.',
      default: 'true',
    })
    .prefault(true),
  redirect: setting
    .text(
      'a URL',
      {
        about:
          'Where mail is now, for phones that ask here: they are told once they have logged in, and go there from then on. Whoever asks for the host of that URL is answered here.',
      },
      setting.secureUrl('https://mail.example.org'),
    )
    .optional(),
});

export const activeSyncSettings = {
  activeSync: activeSync.optional().meta({
    about:
      'Exchange ActiveSync, which phones know how to set themselves up for, on `http` listeners; `{}` turns it on. Microsoft claims patents for the protocol, and its documents grant none: find out whether that concerns you.',
  }),
};
