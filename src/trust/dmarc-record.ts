// A DMARC policy record: RFC 9989 §4.7, §4.8. Errors behind the version cost the tag, never the record.

import { remembered } from '../base/remembered.ts';
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
  /** Octets that a report to an address may have, where the record says so behind a "!". RFC 7489 §6.2 */
  readonly sizes: ReadonlyMap<string, number>;
  readonly fo: string;
  /** As it was found. */
  readonly text: string;
}

/** RFC 9989 §4.7: the version comes first, `DMARC1` in upper case. */
export const isDmarcRecord = (text: string): boolean =>
  /^[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/.test(text);

/** Limit: records that are at hand. */
export const readDmarcRecord = remembered(1_000, parseDmarcRecord);

/** Undefined for what is no DMARC record. */
export function parseDmarcRecord(text: string): DmarcRecord | undefined {
  if (!isDmarcRecord(text)) return undefined;
  const [, ...rest] = text.split(';');
  const tags = new Map<string, string>();
  for (const part of rest) {
    const equals = part.indexOf('=');
    const name = trimmed(part.slice(0, Math.max(equals, 0))).toLowerCase();
    if (name !== '' && !tags.has(name)) tags.set(name, trimmed(part.slice(equals + 1)));
  }
  const word = <T extends string>(name: string, words: readonly T[]): T | undefined =>
    words.find((one) => one === tags.get(name)?.toLowerCase());
  const sizes = new Map<string, number>();
  const rua = addresses(tags.get('rua'), sizes);
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
    ruf: addresses(tags.get('ruf'), sizes),
    sizes,
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

/**
 * RFC 9989 §4.8: `!10m` behind an address is of old and has no meaning any more. Who still writes it means
 * it, so it is noted in `sizes`. Where that is not of its grammar (`!10p`, `!1.5m`), no size is known.
 */
const addresses = (list: string | undefined, sizes: Map<string, number>): readonly string[] =>
  (list ?? '').split(',').flatMap((uri) => {
    const [, written, number, unit = ''] =
      /^[ \t]*mailto:([^!?, \t]+@[^!?, \t]+)(?:\?[^!]*)?(?:!(\d{1,12})([kmgt]?)[ \t]*$)?/i.exec(
        uri,
      ) ?? [];
    if (written === undefined) return [];
    try {
      const address = decodeURIComponent(written);
      if (number !== undefined)
        sizes.set(address, Number(number) * 1024 ** ' kmgt'.indexOf(unit.toLowerCase() || ' '));
      return [address];
    } catch {
      return [];
    }
  });
