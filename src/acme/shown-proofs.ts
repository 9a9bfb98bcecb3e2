// What authorities are shown, as records, so that whichever node one asks has the answer: files by HTTP are looked up
// when they are asked for, certificates of handshakes are put in place as soon as another node keeps them.

import type { Clock } from '../base/clock.ts';
import { messageOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';
import type { RecordStore } from '../store/record-store.ts';
import type { ChallengeType, Proof } from './challenges.ts';
import { alpnCertificate } from './challenges.ts';

export interface ShownProofsParts {
  readonly records: Pick<RecordStore, 'get' | 'put' | 'remove' | 'list' | 'watch'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
  /** From now on this is shown in handshakes for the name; undefined: nothing any more. */
  readonly show: (name: string, pair: ReturnType<typeof alpnCertificate> | undefined) => void;
}

const kind = 'acme-challenge';
/** RFC 8555 §8.3: the characters of a token. Limit: strangers ask for whatever they like. */
const tokenPattern = /^[A-Za-z0-9_-]{16,256}$/;
/** An authority asks within seconds; what a crash left is gone by then. */
const keptMs = 60 * 60_000;
/** Limit: proofs at a time; orders are one after the other, of a hundred names at most. */
const listedMax = 500;

type Shown = Proof & { readonly type: ChallengeType };

export class ShownProofs {
  readonly #parts: ShownProofsParts;
  /** By http-01, of this node. */
  readonly #tokens = new Map<string, string>();
  /** By tls-alpn-01: the token of each name. */
  readonly #names = new Map<string, string>();

  constructor(parts: ShownProofsParts) {
    this.#parts = parts;
  }

  /** What other nodes want to be shown is shown here, too. */
  watch(): void {
    const { records, log } = this.#parts;
    const look = () =>
      void this.#look().catch((error: unknown) =>
        log.warn('certificates not read', { error: messageOf(error) }),
      );
    records.watch(kind, look);
    look();
  }

  /** Of http-01. @throws StorageError */
  async find(token: string): Promise<string | undefined> {
    const own = this.#tokens.get(token);
    if (own !== undefined || !tokenPattern.test(token)) return own;
    const record = await this.#parts.records.get(kind, token);
    const shown = record && shownIn(record.value);
    return shown?.type === 'http-01' ? shown.keyAuthorization : undefined;
  }

  async present(type: ChallengeType, proof: Proof): Promise<void> {
    const { records, clock } = this.#parts;
    const value = JSON.stringify({ ...proof, type });
    await records.put([{ kind, key: proof.token, value, expires: clock.now() + keptMs }]);
    if (type === 'http-01') this.#tokens.set(proof.token, proof.keyAuthorization);
    else this.#put(proof);
  }

  async withdraw({ name, token }: Proof): Promise<void> {
    this.#tokens.delete(token);
    if (this.#names.get(name) === token) this.#take(name);
    await this.#parts.records.remove(kind, [token]);
  }

  async #look(): Promise<void> {
    const found = await this.#parts.records.list(kind, { limit: listedMax });
    const proofs = found
      .flatMap(({ value }) => shownIn(value) ?? [])
      .filter(({ type }) => type === 'tls-alpn-01');
    const names = new Set(proofs.map(({ name }) => name));
    for (const name of [...this.#names.keys()]) if (!names.has(name)) this.#take(name);
    for (const proof of proofs) if (this.#names.get(proof.name) !== proof.token) this.#put(proof);
  }

  #put(proof: Proof): void {
    this.#names.set(proof.name, proof.token);
    this.#parts.show(proof.name, alpnCertificate(proof));
  }

  #take(name: string): void {
    this.#names.delete(name);
    this.#parts.show(name, undefined);
  }
}

function shownIn(value: string): Shown | undefined {
  try {
    const { name, token, keyAuthorization, type } = JSON.parse(value);
    const texts = [name, token, keyAuthorization, type];
    return texts.every((one) => typeof one === 'string')
      ? { name, token, keyAuthorization, type }
      : undefined;
  } catch {
    return undefined;
  }
}
