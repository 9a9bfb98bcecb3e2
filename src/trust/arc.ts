// ARC: what others who handed a message on say they saw. RFC 8617 §5. Only for those whose sealer somebody
// here trusts; nothing in a chain makes a message better by itself.

import type { Turns } from '../base/in-turns.ts';
import type { Resolver } from '../dns/resolver.ts';
import type { BodyHasher } from './canonical.ts';
import { canonicalField } from './canonical.ts';
import type { RawField } from './canonical-text.ts';
import { canonicalText } from './canonical-text.ts';
import { findKey } from './dkim-key.ts';
import type { Algorithm, Failure, Signature } from './signature.ts';
import {
  checkSignature,
  isSigned,
  octetsOf,
  permanent,
  rawValue,
  readSignature,
  signatureBytesMax,
  signerOf,
  usableKey,
  withoutValue,
} from './signature.ts';
import type { SignedMessage } from './signed-message.ts';
import { parseTagList, withoutSpace } from './tag-list.ts';

/** RFC 8617 §5.2 step 1. */
export const setsMax = 50;
/** Limit: sets whose signatures are checked; each costs two questions to the DNS. Field: lists of lists have five. */
const setsCheckedMax = 15;

export interface ArcVerdict {
  /** RFC 8617 §4.4 */
  readonly result: 'none' | 'pass' | 'fail';
  readonly problem?: string | undefined;
  /** It failed for want of an answer of the DNS, which may come later. RFC 8617 §5.2.1 has it fail all the same. */
  readonly isOpen?: boolean | undefined;
  /** Who sealed, the latest last: the domains of the seals. */
  readonly sealers: readonly string[];
  /** From is among what the latest of them signed. */
  readonly signsFrom?: boolean | undefined;
  /** What the first sealer saw: its results as in Authentication-Results. */
  readonly results: readonly string[];
}

export interface ArcSet {
  readonly results: RawField;
  readonly message: RawField;
  readonly seal: RawField;
}

interface Seal {
  readonly algorithm: Algorithm;
  readonly domain: string;
  readonly selector: string;
  readonly validation: string;
  readonly signature: Buffer;
}

const names = ['arc-authentication-results', 'arc-message-signature', 'arc-seal'] as const;

/** The chain of a message; sets in order, or what is wrong with them. RFC 8617 §5.2 steps 1 to 3 */
export function arcSets(fields: readonly RawField[]): readonly ArcSet[] | string {
  const kinds = names.map((name) => fields.filter(({ lowerName }) => lowerName === name));
  const count = Math.max(...kinds.map(({ length }) => length));
  if (count > setsMax) return `more than ${setsMax} sets`;
  const [results, messages, seals] = kinds.map(byInstance);
  const sets: ArcSet[] = [];
  for (let instance = 1; instance <= count; instance += 1) {
    const own = [results, messages, seals].map((kind) => kind?.get(instance));
    const [result, message, seal] = own;
    if (own.some((one) => one?.length !== 1)) return `set ${instance} is not one of each field`;
    sets.push({ results: result![0]!, message: message![0]!, seal: seal![0]! });
  }
  return sets;
}

function byInstance(fields: readonly RawField[]): ReadonlyMap<number, readonly RawField[]> {
  return Map.groupBy(fields, (field) => instanceOf(field) ?? 0);
}

/** RFC 8617 §4.2.1 */
function instanceOf({ lowerName, raw }: RawField): number | undefined {
  const value = rawValue(raw);
  // Only of results it stands in front, and what follows is no list of tags.
  if (raw.length > signatureBytesMax && lowerName !== 'arc-authentication-results')
    return undefined;
  const text =
    lowerName === 'arc-authentication-results'
      ? /^[ \t\r\n]*i[ \t\r\n]*=([^;]*);/.exec(value)?.[1]
      : parseTagList(value)?.get('i');
  const digits = text?.trim() ?? '';
  return /^[1-9]\d?$/.test(digits) ? Number(digits) : undefined;
}

export class ArcCheck {
  readonly #message: SignedMessage;
  readonly #sets: readonly ArcSet[] | string;
  readonly #latest: { readonly signature: Signature; readonly body: BodyHasher } | string;

  /** Before the body has come. */
  constructor(message: SignedMessage) {
    this.#message = message;
    this.#sets = arcSets(message.fields);
    const last = typeof this.#sets === 'string' ? undefined : this.#sets.at(-1);
    const signature = last && readSignature(last.message, 'arc');
    if (signature === undefined) this.#latest = '';
    else if ('problem' in signature) this.#latest = signature.problem;
    else {
      const body = message.wants(signature);
      this.#latest = body === undefined ? 'too many ways of hashing the body' : { signature, body };
    }
  }

  /** After it. RFC 8617 §5.2.1: every failure is permanent, that of the DNS too. */
  async verdict(resolver: Resolver, seconds: number): Promise<ArcVerdict> {
    const sets = this.#sets;
    if (typeof sets === 'string') return fail(sets, []);
    if (sets.length === 0) return { result: 'none', sealers: [], results: [] };
    const seals = sets.map(({ seal }) => readSeal(seal));
    const sealers = seals.flatMap((seal) => (typeof seal === 'string' ? [] : [seal.domain]));
    const latest = this.#latest;
    const signsFrom = typeof latest !== 'string' && latest.signature.signedNames.includes('from');
    const structure = structureProblem(seals);
    const failure =
      (structure === undefined ? undefined : permanent(structure)) ??
      (await this.#messageFailure(resolver, seconds)) ??
      (await sealsFailure(sets, seals as readonly Seal[], { resolver, message: this.#message }));
    if (failure !== undefined)
      return {
        ...fail(failure.problem, sealers),
        ...{ signsFrom, isOpen: failure.result === 'temperror' },
      };
    const results = sets.map((set) => resultsOf(set.results));
    return { result: 'pass', sealers, signsFrom, results };
  }

  /** The latest message signature; older ones may well be broken by what sealers changed. Step 4. */
  async #messageFailure(resolver: Resolver, seconds: number): Promise<Failure | undefined> {
    if (typeof this.#latest === 'string') return permanent(this.#latest);
    const { signature, body } = this.#latest;
    const message = this.#message;
    const checked = await checkSignature(signature, { message, body, resolver, seconds });
    return checked.result === 'pass' ? undefined : of('message signature', checked);
  }
}

const fail = (problem: string, sealers: readonly string[]): ArcVerdict => ({
  result: 'fail',
  problem,
  sealers,
  results: [],
});

const of = (what: string, { result, problem }: Failure): Failure => ({
  result,
  problem: `${what}: ${problem}`,
});

/** Behind the instance. */
const resultsOf = ({ raw }: RawField): string =>
  rawValue(raw)
    .replace(/^[^;]*;/, '')
    .replace(/\s+/g, ' ')
    .trim();

/** RFC 8617 §5.2 steps 2 and 3 C. */
function structureProblem(seals: readonly (Seal | string)[]): string | undefined {
  if (seals.length > setsCheckedMax) return `more than ${setsCheckedMax} sets`;
  for (const [index, seal] of seals.entries()) {
    if (typeof seal === 'string') return `seal ${index + 1}: ${seal}`;
    if (seal.validation !== (index === 0 ? 'none' : 'pass'))
      return `seal ${index + 1} says cv=${seal.validation}`;
  }
  return undefined;
}

/** RFC 8617 §4.1.3 */
function readSeal({ raw }: RawField): Seal | string {
  const tags = parseTagList(rawValue(raw));
  if (tags === undefined) return 'not a list of tags';
  for (const name of ['a', 'b', 'd', 's', 'cv'])
    if (!tags.has(name) || tags.get(name) === '') return `no ${name}=`;
  if (tags.has('h')) return 'h= is not allowed';
  if (tags.has('t') && !/^\d+$/.test(tags.get('t')!)) return 't= is no number';
  const algorithm = tags.get('a')!.toLowerCase();
  if (algorithm !== 'rsa-sha256' && algorithm !== 'ed25519-sha256')
    return `unknown algorithm ${algorithm}`;
  const { domain = '', selector = '' } = signerOf(tags);
  return {
    algorithm,
    domain,
    selector,
    validation: tags.get('cv')!.toLowerCase(),
    signature: Buffer.from(withoutSpace(tags.get('b')!), 'base64'),
  };
}

/** Step 6, the latest first. */
async function sealsFailure(
  sets: readonly ArcSet[],
  seals: readonly Seal[],
  { resolver, message }: { readonly resolver: Resolver; readonly message: SignedMessage },
): Promise<Failure | undefined> {
  for (let count = seals.length; count > 0; count -= 1) {
    const seal = seals[count - 1]!;
    const key = usableKey(await findKey(resolver, seal), { ...seal, identity: '' });
    if ('problem' in key) return of(`seal ${count}`, key);
    const sealed = sets.slice(0, count);
    if (!message.takes(octetsOf(fieldsOf(sealed))))
      return permanent('too much of the header is sealed');
    const text = Buffer.from(await sealedText(sealed, message.turns), 'latin1');
    if (!(await isSigned(text, seal.signature, key)))
      return permanent(`seal ${count} does not fit`);
  }
  return undefined;
}

/** RFC 8617 §5.1.1: all sets in order, the last seal without its value and its line end. */
export async function sealedText(sets: readonly ArcSet[], turns?: Turns): Promise<string> {
  const fields = fieldsOf(sets);
  const own = canonicalField(withoutValue(fields.at(-1)!.raw), 'relaxed').replace(/\r\n$/, '');
  return `${await canonicalText(fields.slice(0, -1), 'relaxed', turns)}${own}`;
}

const fieldsOf = (sets: readonly ArcSet[]): readonly RawField[] =>
  sets.flatMap(({ results, message, seal }) => [results, message, seal]);
