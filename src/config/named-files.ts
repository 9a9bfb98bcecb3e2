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

const secretSettings = ['privateKey', 'passwordFile', 'keyFile', 'clientSecretFile', 'secretFile'];

/** What is in a file; its name is shown only where it cannot be the secret itself. */
export function readable(
  written: string,
  at: readonly PropertyKey[],
  { directory, addFile, files }: Findings,
): string | undefined {
  const path = resolve(directory, written);
  const secret = secretSettings.some((key) => at.includes(key));
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

const inPlace = 'must be the path of a PEM file, not what is in one';
