// Sealing: what we saw, for whoever gets the message from us. RFC 8617 §5.1.

import type { KeyObject } from 'node:crypto';
import type { ArcSet, ArcVerdict } from './arc.ts';
import { arcSets, sealedText, setsMax } from './arc.ts';
import type { BodyHasher } from './canonical.ts';
import type { RawField } from './canonical-text.ts';
import { canonicalText } from './canonical-text.ts';
import type { DkimSigner } from './dkim-sign.ts';
import { algorithmOf, folded, signatureOf } from './dkim-sign.ts';
import { ownText, signedFields } from './signature.ts';

export interface ArcSealing {
  readonly fields: readonly RawField[];
  /** Relaxed, of all of the body, at its end. */
  readonly body: BodyHasher;
  /** What became of the chain so far. */
  readonly chain: ArcVerdict['result'];
  /** Our results as in Authentication-Results: our name, a semicolon, and so on. RFC 8601 §2.2 */
  readonly results: string;
  /** RFC 8617 §4.1.2: neither ARC's own fields nor Authentication-Results. */
  readonly signedNames: readonly string[];
  /** Now, in seconds since the epoch. */
  readonly seconds: number;
}

/**
 * The three fields of the set, to be put in front, in this order; undefined where a chain is broken already
 * and says so, or has as many sets as there can be. RFC 8617 §5.1
 */
export async function arcSet(
  { domain, selector, privateKey }: DkimSigner,
  { fields, body, chain, results, signedNames, seconds }: ArcSealing,
): Promise<string | undefined> {
  const before = arcSets(fields);
  const isBroken = chain === 'fail';
  if (typeof before === 'string' ? !isBroken : saysBroken(before)) return undefined;
  const instance = (typeof before === 'string' ? highest(fields) : before.length) + 1;
  if (instance > setsMax) return undefined;
  const who = {
    algorithm: algorithmOf(privateKey),
    end: `i=${instance}; s=${selector}; t=${seconds}`,
  };
  const own = {
    lowerName: 'arc-authentication-results',
    raw: `ARC-Authentication-Results: i=${instance};\r\n ${results}\r\n`,
  };
  const start = `ARC-Message-Signature: a=${who.algorithm};\r\n b=`;
  const names = folded(` h=${signedNames.join(':')};`).join('\r\n');
  const rest = `;\r\n bh=${body.end().digest}; c=relaxed/relaxed;\r\n d=${domain};\r\n${names}\r\n ${who.end}\r\n`;
  const unsigned = { lowerName: 'arc-message-signature', raw: `${start}${rest}` };
  const signed = await canonicalText(signedFields(signedNames, fields), 'relaxed');
  const text = `${signed}${ownText({ field: unsigned, header: 'relaxed' })}`;
  const message = { ...unsigned, raw: `${start}${await sealValue(text, privateKey)}${rest}` };
  const seal = await sealOf({ domain, privateKey, isBroken, ...who }, { before, message, own });
  return `${seal}${message.raw}${own.raw}`;
}

interface SealParts {
  readonly domain: string;
  readonly privateKey: KeyObject;
  readonly isBroken: boolean;
  readonly algorithm: string;
  readonly end: string;
}
interface SetParts {
  readonly before: readonly ArcSet[] | string;
  readonly message: RawField;
  readonly own: RawField;
}

async function sealOf(
  { domain, privateKey, isBroken, algorithm, end }: SealParts,
  { before, message, own }: SetParts,
): Promise<string> {
  const sets = typeof before === 'string' ? [] : before;
  // RFC 8617 §5.1.2: of a broken chain only the new set is sealed.
  const validation = isBroken ? 'fail' : sets.length === 0 ? 'none' : 'pass';
  const start = `ARC-Seal: a=${algorithm};\r\n b=`;
  const rest = `; cv=${validation};\r\n d=${domain}; ${end}\r\n`;
  const seal = { lowerName: 'arc-seal', raw: `${start}${rest}` };
  const text = await sealedText([...(isBroken ? [] : sets), { results: own, message, seal }]);
  return `${start}${await sealValue(text, privateKey)}${rest}`;
}

// In one line, of 684 characters with a key of 4,096 bits: a seal signs the white space of the field before it,
// and relays that fold anew are fewer than those that were folded by others.
const sealValue = (text: string, key: KeyObject): Promise<string> =>
  signatureOf(Buffer.from(text, 'latin1'), key);

const saysBroken = (sets: readonly ArcSet[]): boolean =>
  /[:;][ \t\r\n]*cv[ \t\r\n]*=[ \t\r\n]*fail/i.test(sets.at(-1)?.seal.raw ?? '');

/** Of sets that do not fit together. */
const highest = (fields: readonly RawField[]): number =>
  Math.max(
    0,
    ...fields
      .filter(({ lowerName }) => lowerName === 'arc-seal')
      .map(({ raw }) =>
        Number(/[:;][ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*(\d{1,2})/.exec(raw)?.[1] ?? 0),
      ),
  );
