// Settings of what is served by HTTP.

import { z } from 'zod';
import type { Findings } from '../named-files.ts';
import { secretIn } from '../named-files.ts';
import * as setting from './setting.ts';

const secureUrl = (facts: setting.SettingFacts) =>
  setting.text('a URL', facts, setting.secureUrl('https://id.example.org'));

const oidc = z.strictObject({
  issuer: secureUrl({ about: "The provider's issuer: its URL, without /.well-known/…" }),
  clientId: setting.text('the name that the provider knows us by', { about: 'Our client_id.' }),
  clientSecretFile: setting.file({ about: 'File with our client_secret on its first line.' }),
  name: setting
    .text('a name', {
      about: 'What the button on the login page says.',
      default: "'Single sign-on'",
    })
    .prefault('Single sign-on'),
  administrators: z.array(z.string().min(1).max(320)).max(1000).prefault([]).meta({
    about:
      'Who may do everything: addresses that the provider has verified, or subjects; what has an `@` is an address.',
    kind: 'a list of addresses or subjects',
    default: '[]',
  }),
  accounts: setting
    .flag({
      about: 'Lets owners of accounts in, by addresses that the provider has verified.',
      default: 'false',
    })
    .prefault(false),
});

const http = z.strictObject({
  metrics: z
    .array(setting.network({ about: '' }))
    .prefault([])
    .meta({
      about:
        'Who may read `/metrics`, beside this machine and `trustedNetworks`. What a reverse proxy on this machine hands on is refused.',
      kind: 'a list of networks',
      default: '[]',
    }),
  url: secureUrl({
    about: 'Where browsers find the console: what the identity provider sends them back to.',
  }).optional(),
  oidc: oidc.optional().meta({
    about:
      "The operator's identity provider (OpenID Connect): who logs in by it. Needs `http.url`.",
  }),
  requestsPerClient: setting
    .rate({
      about:
        'Requests of a network (IPv4 /24, IPv6 /64) beyond this machine and `trustedNetworks`; more are 429.',
      default: "'1200/1m'",
    })
    .prefault('1200/1m'),
});

export const webSettings = {
  http: http.prefault({}).meta({ about: 'What `http` listeners tell, and whom.' }),
};

export type ParsedWeb = z.output<typeof http>;

export interface WebConfig extends Omit<ParsedWeb, 'oidc'> {
  readonly oidc: OidcConfig | undefined;
}

export interface OidcConfig extends Omit<z.output<typeof oidc>, 'clientSecretFile'> {
  readonly clientSecret: string;
}

export function readWeb({ oidc: given, ...http }: ParsedWeb, findings: Findings): WebConfig {
  if (given === undefined) return { ...http, oidc: undefined };
  if (http.url === undefined)
    findings.add(['http', 'url'], 'is missing: the identity provider has to know where we are');
  const { clientSecretFile, ...rest } = given;
  const at = ['http', 'oidc', 'clientSecretFile'];
  const clientSecret = secretIn(clientSecretFile, at, findings);
  return { ...http, oidc: { ...rest, clientSecret: clientSecret ?? '' } };
}
