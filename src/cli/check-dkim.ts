// `check` and the keys that mail is signed with: mail waits for one that cannot be read.

import type { Config } from '../config/config.ts';
import { KeyFilesError, keyDirectory, readIndex, readKey } from '../trust/dkim-keys.ts';
import type { Finding } from './finding.ts';
import { failure, ok } from './finding.ts';

export function dkimFindings({ dkim, dataDirectory }: Config): Finding[] {
  const path = 'dkim.sign';
  if (!dkim.sign) return [];
  const directory = keyDirectory(dataDirectory);
  try {
    const entries = readIndex(directory).filter(({ state }) => state !== 'retired');
    const findings = entries.flatMap((entry) => {
      const problem = problemOf(() => readKey(directory, entry));
      return problem === undefined
        ? []
        : [failure(path, `${problem}: mail of ${entry.domain} waits`)];
    });
    const domains = new Set(entries.map(({ domain }) => domain));
    if (findings.length > 0 || domains.size === 0) return findings;
    return [ok(path, `mail of ${[...domains].join(', ')} is signed`)];
  } catch (error) {
    if (!(error instanceof KeyFilesError)) throw error;
    return [failure(path, `${error.message}: mail waits`)];
  }
}

function problemOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (!(error instanceof KeyFilesError)) throw error;
    return error.message;
  }
}
