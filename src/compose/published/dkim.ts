// `check` and the keys that mail is signed with: mail waits for one that cannot be read, and a signature whose
// record is not in the DNS is none.

import type { Config } from '../../config/config.ts';
import type { Resolver } from '../../dns/resolver.ts';
import { DnsError } from '../../dns/resolver.ts';
import type { KeyRecord } from '../../trust/dkim-keys.ts';
import {
  KeyFilesError,
  keyDirectory,
  readIndex,
  readKey,
  recordOf,
} from '../../trust/dkim-keys.ts';
import type { Finding } from './finding.ts';
import { failure, ok, warning } from './finding.ts';

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

/** Whether the DNS has the records of keys. Those that cannot be read are told of without it. */
export async function dkimDnsFindings(
  { dkim, dataDirectory }: Pick<Config, 'dkim' | 'dataDirectory'>,
  resolver: Resolver,
): Promise<Finding[]> {
  const directory = keyDirectory(dataDirectory);
  const findings: Finding[] = [];
  if (!dkim.sign || problemOf(() => readIndex(directory)) !== undefined) return findings;
  for (const entry of readIndex(directory)) {
    if (entry.state === 'retired' || problemOf(() => readKey(directory, entry)) !== undefined)
      continue;
    const record = recordOf(directory, entry);
    const problem = await unpublished(record, resolver);
    const found = entry.state === 'active' ? failure : warning;
    findings.push(
      problem === undefined
        ? ok('', `${record.name} is published`)
        : found('', `${record.name} ${problem}: see \`postrider dkim record ${entry.domain}\``),
    );
  }
  return findings;
}

async function unpublished(
  { name, value }: KeyRecord,
  resolver: Resolver,
): Promise<string | undefined> {
  try {
    const answer = await resolver.resolve(name, 'TXT');
    if (answer.kind !== 'records') return 'is not published';
    if (!answer.records.includes(value)) return 'has another record';
    // RFC 6376 §3.6.2.2: of several some take the first, and others none.
    return answer.records.length === 1
      ? undefined
      : `has ${answer.records.length} records, of which receivers may take any: leave one`;
  } catch (error) {
    if (!(error instanceof DnsError)) throw error;
    return `cannot be looked up now (${error.detail})`;
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
