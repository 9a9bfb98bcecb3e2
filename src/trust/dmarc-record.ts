// A DMARC policy record: RFC 9989 §4.7, §4.8. Errors behind the version cost the tag, never the record.

import { trimmed } from './tag-list.ts';

export type DmarcPolicy = 'none' | 'quarantine' | 'reject';

export interface DmarcRecord {
  readonly p: DmarcPolicy;
  /** Of subdomains that exist, and that do not. */
  readonly sp: DmarcPolicy | undefined;
  readonly np: DmarcPolicy | undefined;
  readonly adkim: 'r' | 's';
  readonly aspf: 'r' | 's';
  readonly psd: 'y' | 'n' | 'u';
  /** The domain tests its policy: the one below it is meant. */
  readonly isTest: boolean;
  /** Where aggregate and failure reports go: addresses, `mailto:` only. */
  readonly rua: readonly string[];
  readonly ruf: readonly string[];
  readonly fo: string;
  /** As it was found. */
  readonly text: string;
}

/** Undefined for what is no DMARC record: the version comes first, in upper case. */
export function parseDmarcRecord(text: string): DmarcRecord | undefined {
  const [version = '', ...rest] = text.split(';');
  if (!/^v[ \t]*=[ \t]*DMARC1[ \t]*$/.test(version)) return undefined;
  const tags = new Map<string, string>();
  for (const part of rest) {
    const equals = part.indexOf('=');
    const name = trimmed(part.slice(0, Math.max(equals, 0))).toLowerCase();
    if (name !== '' && !tags.has(name)) tags.set(name, trimmed(part.slice(equals + 1)));
  }
  const word = <T extends string>(name: string, words: readonly T[]): T | undefined =>
    words.find((one) => one === tags.get(name)?.toLowerCase());
  const rua = addresses(tags.get('rua'));
  const policies = policiesOf(tags);
  // RFC 9989 §4.10.1: without a right policy it is none for whoever wants reports, and else no record.
  if (policies === undefined && rua.length === 0) return undefined;
  return {
    ...(policies ?? { p: 'none', sp: undefined, np: undefined }),
    adkim: word('adkim', ['r', 's']) ?? 'r',
    aspf: word('aspf', ['r', 's']) ?? 'r',
    psd: word('psd', ['y', 'n', 'u']) ?? 'u',
    isTest: word('t', ['y', 'n']) === 'y',
    rua,
    ruf: addresses(tags.get('ruf')),
    fo: tags.get('fo') ?? '0',
    text,
  };
}

/** Undefined where one is missing or wrong. */
function policiesOf(
  tags: ReadonlyMap<string, string>,
): Pick<DmarcRecord, 'p' | 'sp' | 'np'> | undefined {
  const [p, sp, np] = ['p', 'sp', 'np'].map((name) => {
    const value = tags.get(name)?.toLowerCase();
    return value === undefined || isPolicy(value) ? value : 'wrong';
  });
  if (p === undefined || p === 'wrong' || sp === 'wrong' || np === 'wrong') return undefined;
  return { p, sp, np };
}

const isPolicy = (text: string): text is DmarcPolicy =>
  text === 'none' || text === 'quarantine' || text === 'reject';

/** RFC 9989 §4.8: `!10m` behind an address is of old and ignored. */
const addresses = (list: string | undefined): readonly string[] =>
  (list ?? '').split(',').flatMap((uri) => {
    const address = /^[ \t]*mailto:([^!?, \t]+@[^!?, \t]+)/i.exec(uri)?.[1];
    if (address === undefined) return [];
    try {
      return [decodeURIComponent(address)];
    } catch {
      return [];
    }
  });
