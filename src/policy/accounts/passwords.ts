// Passwords at rest: Argon2id (RFC 9106) for those who send them, SCRAM keys (RFC 5802) for those who
// only prove that they know them. Hashing costs memory and a thread, so no more than a few at once;
// when too many wait, a login fails for now and not for good.
//
// All passwords of an account are hashed with one salt each for Argon2 and SCRAM. So one hash checks a
// password against all of them, and SCRAM works with app passwords too. What that gives away, namely
// whether two passwords of one account are equal, is of no use: app passwords are random.

import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { saslprep } from '../../sasl/saslprep.ts';
import type { ScramKeys } from '../../sasl/scram-keys.ts';
import { deriveScramKeys } from '../../sasl/scram-keys.ts';

export interface PasswordHash {
  /** PHC string. */
  readonly argon2: string;
  readonly scram: ScramKeys;
}

/** Too many passwords wait to be hashed. */
export class HashingBusy extends Error {
  override readonly name = 'HashingBusy';
}

export interface Argon2Hash {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Buffer;
  readonly tag: Buffer;
}

export interface HashingCost {
  readonly argon2: Pick<Argon2Hash, 'memory' | 'passes' | 'parallelism'>;
  readonly scramIterations: number;
}

/**
 * Argon2: OWASP's password storage cheat sheet: 19 MiB, 2 passes, 1 lane. Some 40 ms of one core.
 * Limit: a guess costs a thief of the store as much as the iterations of SCRAM; a client pays them at each login. RFC 7677
 * §4 asks for 4096 at least, in 2015. Cyrus SASL, which mbsync and others use, refuses more than this.
 */
export const usualCost: HashingCost = {
  argon2: { memory: 19 * 1024, passes: 2, parallelism: 1 },
  scramIterations: 65_536,
};
let strength = usualCost.argon2;
let iterations = usualCost.scramIterations;

/** Of passwords that are hashed from now on. No setting leads here: only tests call it (test-hashing.ts; the tidy test looks). */
export function hashAt(cost: HashingCost): void {
  strength = cost.argon2;
  iterations = cost.scramIterations;
}

/** What a client is told that asks for an account there is not. */
export const scramIterations = (): number => iterations;

const saltBytes = 16;
const tagBytes = 32;

/**
 * A password as it is compared (RFC 8265, RFC 4013), or undefined for one that cannot be: empty, or
 * with control characters.
 */
export function preparePassword(text: string): string | undefined {
  const prepared = saslprep(text);
  return prepared === '' ? undefined : prepared;
}

/** `password` is prepared. `siblings` are the other passwords of the account: their salts are kept. */
export async function hashPassword(
  password: string,
  siblings: readonly PasswordHash[] = [],
): Promise<PasswordHash> {
  const sibling = siblings.find(isOfPresentStrength);
  const salt = sibling === undefined ? randomBytes(saltBytes) : parseArgon2(sibling.argon2)!.salt;
  const scramSalt = sibling?.scram.salt ?? randomBytes(saltBytes);
  const tag = await gate.run(() => tagOf(password, { ...strength, salt }));
  const scram = await gate.run(() => deriveScramKeys(password, scramSalt, iterations));
  return { argon2: formatArgon2({ ...strength, salt, tag }), scram };
}

function isOfPresentStrength({ argon2: phc, scram }: PasswordHash): boolean {
  const hash = parseArgon2(phc);
  return (
    hash !== undefined &&
    hash.memory === strength.memory &&
    hash.passes === strength.passes &&
    hash.parallelism === strength.parallelism &&
    hash.tag.length === tagBytes &&
    scram.iterations === iterations
  );
}

/** Whether the prepared password is the one that was hashed. False for a hash we cannot read. */
export async function verifyPassword(phc: string, password: string): Promise<boolean> {
  return (await findPassword([{ argon2: phc }], password)) !== undefined;
}

/**
 * The one of `hashes` that is this password's. Costs one hash for each different salt, and one where
 * there are none at all, so that nobody can tell from the time whether an account exists.
 * @throws HashingBusy
 */
export async function findPassword<T extends Pick<PasswordHash, 'argon2'>>(
  hashes: readonly T[],
  password: string,
): Promise<T | undefined> {
  const computed = new Map<string, Buffer>();
  let found: T | undefined;
  for (const candidate of hashes.slice(0, hashesMax)) {
    const hash = parseArgon2(candidate.argon2);
    if (hash === undefined) continue;
    const { memory, passes, parallelism, salt } = hash;
    const key = `${memory} ${passes} ${parallelism} ${hash.tag.length} ${salt.toString('hex')}`;
    let tag = computed.get(key);
    if (tag === undefined) {
      tag = await gate.run(() => tagOf(password, hash, hash.tag.length));
      computed.set(key, tag);
    }
    if (timingSafeEqual(tag, hash.tag)) found ??= candidate;
  }
  if (computed.size === 0)
    await gate.run(() => tagOf(password, { ...strength, salt: nobodysSalt }));
  return found;
}

/** Limit: passwords of one account that a login is compared with. */
const hashesMax = 100;
const nobodysSalt = randomBytes(saltBytes);

type Parameters = Omit<Argon2Hash, 'tag'>;

function tagOf(password: string, parameters: Parameters, tagLength = tagBytes): Promise<Buffer> {
  const { memory, passes, parallelism, salt } = parameters;
  return new Promise((resolve, reject) => {
    argon2(
      'argon2id',
      { message: password, nonce: salt, memory, passes, parallelism, tagLength },
      (error, tag) => (error === null ? resolve(tag) : reject(error)),
    );
  });
}

// The PHC string format: $argon2id$v=19$m=…,t=…,p=…$salt$tag, in base64 without padding.
const phcString =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** Undefined for what is not of this form, or would cost more than a login may. */
export function parseArgon2(phc: string): Argon2Hash | undefined {
  const match = phcString.exec(phc);
  if (match === null) return undefined;
  const [memory = 0, passes = 0, parallelism = 0] = match.slice(1, 4).map(Number);
  // Limit: 256 MiB and 16 passes; what other programs wrote with more is not read here.
  if (memory > 256 * 1024 || memory < 8 * parallelism) return undefined;
  if (passes < 1 || passes > 16 || parallelism < 1 || parallelism > 16) return undefined;
  const [salt, tag] = match.slice(4).map((text) => Buffer.from(text, 'base64'));
  return { memory, passes, parallelism, salt: salt!, tag: tag! };
}

function formatArgon2({ memory, passes, parallelism, salt, tag }: Argon2Hash): string {
  const text = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${text(salt)}$${text(tag)}`;
}

/** Lets a few run at once and a number wait; more are turned away. */
class Gate {
  readonly #runningMax: number;
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(runningMax: number, waitingMax: number) {
    this.#runningMax = runningMax;
    this.#waitingMax = waitingMax;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#runningMax) {
      if (this.#waiting.length >= this.#waitingMax)
        throw new HashingBusy('too many logins at once');
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running += 1;
    try {
      return await work();
    } finally {
      // Whoever waits longest takes over the place; otherwise it is free.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

/**
 * Limit: two of the four threads that Node has for files, names and hashes; the mail needs the others.
 * One gate for the process, since the threads are the process's. 200 that wait are some 4 seconds.
 */
const gate = new Gate(2, 200);
