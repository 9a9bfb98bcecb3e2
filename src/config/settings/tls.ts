// Settings about our certificates: whose they are and where they come from.

import { resolve } from 'node:path';
import { z } from 'zod';
import type { Findings } from '../named-files.ts';
import { readable } from '../named-files.ts';
import type { AcmeConfig, AcmeSurroundings } from './acme.ts';
import { acme, readAcme } from './acme.ts';
import * as setting from './setting.ts';

const pair = {
  certificate: setting.file({
    about: 'PEM file: our certificate, then the intermediate ones.',
  }),
  privateKey: setting.file({ about: 'PEM file: its private key.' }),
};

const additional = z.array(z.strictObject(pair)).max(1000).prefault([]).meta({
  about:
    'More certificates, for other names: a client that asks for a name (SNI) gets the one that is for it, and the first where none is. Their names are those in the certificates.',
  kind: 'a list of { certificate, privateKey }',
  default: '[]',
});

const tls = z.union(
  [
    z.literal('self-signed'),
    z.strictObject({
      ...pair,
      additional,
    }),
    z.strictObject({ acme, additional }),
  ],
  { error: "must be 'self-signed', { certificate, privateKey } or { acme }" },
);

export const tlsSettings = {
  tls: tls.optional().meta({
    about:
      "Our certificates: files, or those that an authority gives us (ACME), or `'self-signed'` (made and kept in the data directory). Read again on reload.",
    kind: "{ certificate, privateKey, additional }, { acme, additional } or 'self-signed'",
  }),
};

export type ParsedTls = z.output<typeof tls>;

export interface CertificateFiles {
  readonly certificate: string;
  readonly privateKey: string;
}

export type TlsConfig =
  | 'self-signed'
  /** The first is for whoever asks for no name; those of `acme` come before the files. */
  | { readonly files: readonly CertificateFiles[]; readonly acme?: AcmeConfig | undefined };

export function readTls(
  written: ParsedTls | undefined,
  surroundings: AcmeSurroundings,
  findings: Findings,
): TlsConfig | undefined {
  if (written === undefined || written === 'self-signed') return written;
  const others = written.additional.map((files, i) =>
    readFiles(files, ['tls', 'additional', i], findings),
  );
  if ('acme' in written)
    return { files: others, acme: readAcme(written.acme, surroundings, findings) };
  return { files: [readFiles(written, ['tls'], findings), ...others], acme: undefined };
}

function readFiles(
  { certificate, privateKey }: CertificateFiles,
  at: readonly PropertyKey[],
  findings: Findings,
): CertificateFiles {
  readable(certificate, [...at, 'certificate'], findings);
  readable(privateKey, [...at, 'privateKey'], findings);
  return {
    certificate: resolve(findings.directory, certificate),
    privateKey: resolve(findings.directory, privateKey),
  };
}
