// Files that settings name: certificates, keys, passwords. Whether they can be read is found out with all
// other problems; what is in a secret one is never shown.

import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { isPem, secretPath } from '../base/secret.ts';
import { formatPath } from './problems.ts';
import { whyUnreadable } from './why-unreadable.ts';

/** What the server reads besides its configuration: certificates, keys, passwords. */
export interface NamedFile {
  /** Of the setting that names it. */
  readonly path: string;
  readonly file: string;
  readonly secret: boolean;
}

/** What is found out while settings are read. */
export interface Findings {
  readonly directory: string;
  readonly add: (path: readonly PropertyKey[], message: string) => void;
  /** A file that cannot be read. */
  readonly addFile: (path: readonly PropertyKey[], message: string) => void;
  readonly files: NamedFile[];
}

/** `passwordFile`, `secretKeyFile` …: what is public is called by what it is. */
const isSecret = (key: PropertyKey): boolean =>
  key === 'privateKey' || String(key).endsWith('File');

/** What is in a file; its name is shown only where it cannot be the secret itself. */
export function readable(
  written: string,
  at: readonly PropertyKey[],
  { directory, addFile, files }: Findings,
): string | undefined {
  const path = resolve(directory, written);
  const secret = at.some(isSecret);
  files.push({ path: formatPath(at), file: path, secret });
  try {
    accessSync(path, constants.R_OK);
    if (!statSync(path).isFile()) throw Object.assign(new Error(), { code: 'EISDIR' });
    return readFileSync(path, 'utf8');
  } catch (error) {
    addFile(at, isPem(written) ? inPlace : `${secretPath(written, path)}: ${whyUnreadable(error)}`);
    return undefined;
  }
}

/** The first line of a file, which is all that counts of a password, a secret or a key. */
export const firstLineIn = (...named: Parameters<typeof readable>): string | undefined =>
  readable(...named)?.split(/\r?\n/, 1)[0];

/** The same; where there is nothing on it, or what cannot be in one, that is a problem. */
export function secretIn(
  written: string,
  at: readonly PropertyKey[],
  findings: Findings,
): string | undefined {
  const line = firstLineIn(written, at, findings);
  if (line === undefined) return undefined;
  if (line !== '' && !line.includes('\0')) return line;
  findings.add(at, `${written}: its first line ${line === '' ? 'is empty' : 'has a NUL in it'}`);
  return undefined;
}

const inPlace = 'must be the path of a PEM file, not what is in one';
