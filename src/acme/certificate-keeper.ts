// Sees to it that each list of names has a certificate that is good: obtains it, renews it when its authority advises or a third of
// its life is left, tries again with growing patience, and tells its owner of every change. One order at
// a time, by one node at a time; the others take over what it got. What it does outlives it in records: nothing is asked for twice because of a restart.

import type { KeyObject } from 'node:crypto';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { messageOf, stackOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';
import type { Counter } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import type { InTurn, Turn } from '../store/nodes.ts';
import { TurnLostError } from '../store/nodes.ts';
import type { RecordStore } from '../store/record-store.ts';
import type { AcmeClientParts, Registration } from './acme-client.ts';
import { AcmeClient } from './acme-client.ts';
import { advised } from './advice.ts';
import type { Solver } from './challenges.ts';
import { accountKeyFromPem, accountKeyPem, createAccountKey } from './jws.ts';
import type { KeptCertificate } from './kept.ts';
import { Kept, keyOf, usable } from './kept.ts';
import { AcmeError } from './messages.ts';
import { obtain } from './order.ts';
import { certificateId, readCertificate, usualRenewal } from './renewal.ts';
import type { RevocationReason } from './revocation.ts';
import { revoke } from './revocation.ts';

export interface KeeperSettings extends Registration {
  readonly directory: string;
  /** A certificate for each list. */
  readonly names: readonly (readonly string[])[];
  readonly profile: string | undefined;
  /** A renewed certificate has the key of the one before, so that TLSA records stay right. */
  readonly reuseKey: boolean;
  readonly solvers: readonly Solver[];
  /** @throws HttpError */
  readonly send: AcmeClientParts['send'];
}

/** Of one list of names. */
export interface Obtained {
  readonly names: readonly string[];
  readonly certificate: string;
  readonly privateKey: string;
}

export interface KeeperParts {
  readonly records: Pick<RecordStore, 'get' | 'put' | 'remove'>;
  readonly inTurn: InTurn;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly results?: Readonly<Record<'obtained' | 'failed', Counter>> | undefined;
  /** Those that there are, in the order of the settings. */
  readonly onChange: (obtained: readonly Obtained[]) => void | Promise<void>;
}

/** Waits after failures, one after the other. Let's Encrypt takes five failed proofs of a name in an hour. */
const retryMs = [5, 15, 60, 3 * 60, 6 * 60, 12 * 60, 24 * 60].map((minutes) => minutes * 60_000);
/** Longest sleep: the timers of the clock have an end. */
const sleepMsMax = 24 * 60 * 60_000;
/** When it is looked again whether there is something to do, where another node is at it. */
const othersMs = 30_000;

interface Group extends Pick<Obtained, 'names'> {
  readonly key: string;
  kept: KeptCertificate | undefined;
  attempts: number;
  /** Not before, after a failure. */
  notBefore: number;
  /** Of the last failure that is known here. */
  failedAt: number;
}

export class CertificateKeeper {
  readonly #parts: KeeperParts;
  readonly #kept: Kept;
  #settings: KeeperSettings;
  #groups: readonly Group[] = [];
  #cancel: (() => void) | undefined;
  #working: Promise<void> = Promise.resolve();
  #stopped = false;
  /** Whatever is asked of an authority, and written, is in it. */
  #turn: Turn | undefined;
  /** Another node is at it. */
  #othersUntil = Number.NEGATIVE_INFINITY;

  constructor(settings: KeeperSettings, parts: KeeperParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#kept = new Kept(parts.records, () => this.#turn);
  }

  /** Reads what there is; what is missing is obtained from start() on. */
  load(): Promise<void> {
    return this.#load();
  }

  start(): void {
    this.#schedule();
  }

  /** Other settings (a reload): what failed is tried again at once, since somebody may have mended it. */
  async change(settings: KeeperSettings): Promise<void> {
    this.#settings = settings;
    await this.#load();
    for (const group of this.#groups) group.notBefore = 0;
    this.#schedule();
  }

  /** Another node has obtained one, or could not. Never rejects: it is looked at again before it is due. */
  refresh(): void {
    this.#working = this.#working
      .then(() => this.#takeOver(this.#groups))
      .catch((error: unknown) => {
        this.#parts.log.warn('certificates not read', { error: messageOf(error) });
      })
      .finally(() => this.#schedule());
  }

  /** What is under way comes to nothing; its order is gone on with after the next start. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  /**
   * Tells the authority that the certificate of a name is not to be believed any more, and obtains another. Resolves to
   * all names that it has. @throws AcmeError, HttpError
   */
  revoke(name: string, reason: RevocationReason): Promise<readonly string[]> {
    const done = this.#working.then(async () => {
      const names = await this.#inTurn(() => this.#revoke(name, reason));
      if (names !== undefined) return names;
      throw new AcmeError('another node is at its certificates: ask again in a moment');
    });
    this.#working = done.then(
      () => {},
      () => {},
    );
    return done.finally(() => this.#schedule());
  }

  async #revoke(name: string, reason: RevocationReason): Promise<readonly string[]> {
    const { clock, log } = this.#parts;
    const group = this.#groups.find(({ names }) => names.includes(name));
    const kept = group && (await this.#kept.get('acme-certificate', group.key));
    if (group === undefined || kept === undefined)
      throw new AcmeError(`there is no certificate for ${name}`);
    if (kept.directory !== this.#settings.directory)
      throw new AcmeError(`the certificate for ${name} is of another authority`);
    await revoke(await this.#client(), kept.certificate, reason);
    log.warn('certificate revoked', { domains: group.names, reason });
    const isKeyLost = reason === 'keyCompromise';
    // An order that is under way may be for the key that is lost.
    if (isKeyLost) await this.#kept.remove('acme-order', group.key);
    const next = { ...kept, renewAt: 0, adviceAt: undefined, isKeyLost };
    await this.#kept.put('acme-certificate', group.key, next, clock.now());
    group.kept = next;
    group.notBefore = 0;
    return group.names;
  }

  async #load(): Promise<void> {
    const now = this.#parts.clock.now();
    this.#groups = await Promise.all(
      this.#settings.names.map(async (names): Promise<Group> => {
        const key = keyOf(names);
        const [kept, failure] = await Promise.all([
          this.#kept.get('acme-certificate', key),
          this.#kept.get('acme-failure', key),
        ]);
        const { attempts = 0, until = 0, at = 0 } = failure ?? {};
        const notBefore = Math.min(until, now + retryMs.at(-1)!);
        return { names, key, kept: usable(kept), attempts, notBefore, failedAt: at };
      }),
    );
    await this.#tell();
  }

  async #tell(): Promise<void> {
    const obtained = this.#groups.flatMap(({ names, kept }) =>
      kept === undefined ? [] : [{ names, ...kept }],
    );
    await this.#parts.onChange(obtained);
  }

  #schedule(): void {
    if (this.#stopped) return;
    const { clock } = this.#parts;
    const first = Math.min(...this.#groups.map((group) => this.#dueAt(group)));
    const due = Math.max(first, this.#othersUntil);
    const waitMs = Math.min(Math.max(due - clock.now(), 0), sleepMsMax);
    this.#cancel?.();
    this.#cancel = clock.after(waitMs, () => {
      // One after the other, also where a reload comes between them.
      this.#working = this.#working.then(() => this.#work()).finally(() => this.#schedule());
    });
  }

  #dueAt({ kept, notBefore }: Group): number {
    if (kept === undefined || kept.directory !== this.#settings.directory) return notBefore;
    const renewal = Math.max(kept.renewAt, notBefore);
    return kept.adviceAt === undefined ? renewal : Math.min(renewal, kept.adviceAt);
  }

  async #work(): Promise<void> {
    const { clock, log } = this.#parts;
    try {
      const done = await this.#inTurn(() => this.#attendAll().then(() => true));
      if (done === undefined) this.#othersUntil = clock.now() + othersMs;
    } catch (error) {
      if (this.#stopped) return;
      if (!(error instanceof TurnLostError))
        log.error('certificate not obtained', { error: stackOf(error) });
      this.#othersUntil = clock.now() + othersMs;
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T | undefined> {
    return this.#parts.inTurn('certificates', async (turn) => {
      this.#turn = turn;
      try {
        return await work();
      } finally {
        this.#turn = undefined;
      }
    });
  }

  async #attendAll(): Promise<void> {
    const { clock, log } = this.#parts;
    const groups = this.#groups;
    for (const group of groups) {
      // A reload has made others of them.
      if (this.#stopped || groups !== this.#groups) return;
      if (this.#dueAt(group) > clock.now()) continue;
      try {
        await this.#attend(group);
      } catch (error) {
        if (this.#stopped) return;
        if (error instanceof TurnLostError) throw error;
        await this.#failed(group, error).catch((again: unknown) =>
          log.error('certificate not obtained', { error: stackOf(again) }),
        );
      }
    }
  }

  async #attend(group: Group): Promise<void> {
    const { directory } = this.#settings;
    const now = this.#parts.clock.now();
    await this.#takeOver([group]);
    if (this.#dueAt(group) > now) return;
    const { kept } = group;
    const isOurs = kept?.directory === directory;
    if (isOurs && kept.adviceAt !== undefined && kept.adviceAt <= now) {
      const client = new AcmeClient({ ...this.#clientParts(), key: createAccountKey() });
      group.kept = await advised(client, kept, this.#parts);
      await this.#kept.put('acme-certificate', group.key, group.kept, now);
    }
    if (isOurs && group.kept!.renewAt > now) return;
    try {
      await this.#obtain(group);
    } catch (error) {
      if (!(error instanceof AcmeError) || error.type !== 'accountDoesNotExist') throw error;
      // The authority has forgotten our account, as those for tests do.
      await this.#kept.remove('acme-account', directory);
      await this.#obtain(group);
    }
  }

  /** What other nodes have come to. */
  async #takeOver(groups: readonly Group[]): Promise<void> {
    let isNew = false;
    for (const group of groups) {
      const [stored, failure] = await Promise.all([
        this.#kept.get('acme-certificate', group.key),
        this.#kept.get('acme-failure', group.key),
      ]);
      const kept = usable(stored);
      if (kept !== undefined) {
        isNew ||= kept.certificate !== group.kept?.certificate;
        group.kept = kept;
      }
      if (failure === undefined || failure.at <= group.failedAt) continue;
      group.failedAt = failure.at;
      group.attempts = failure.attempts;
      group.notBefore = failure.until;
    }
    if (isNew) await this.#tell();
  }

  async #obtain(group: Group): Promise<void> {
    const { directory, profile } = this.#settings;
    const { clock, log } = this.#parts;
    const { names, key, kept } = group;
    const client = await this.#client();
    const begun = await this.#order(key);
    const privateKey =
      begun === undefined ? this.#newKey(kept) : createPrivateKey(begun.privateKey);
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const isRenewed = kept !== undefined && kept.directory === directory;
    const certificate = await obtain(
      { client, clock },
      {
        ...{ names, privateKey, profile, begun: begun?.url },
        solvers: this.#settings.solvers.map((solver) => this.#solverInTurn(solver)),
        replaces: isRenewed ? certificateId(readCertificate(kept.certificate)) : undefined,
        onOrder: (url) =>
          this.#kept.put('acme-order', key, { url, privateKey: pem, directory }, clock.now()),
      },
    );
    const now = clock.now();
    const obtained: KeptCertificate = {
      ...{ certificate, privateKey: pem, directory, obtained: now },
      ...{ renewAt: usualRenewal(readCertificate(certificate)), adviceAt: undefined },
    };
    const next = await advised(client, obtained, this.#parts);
    await this.#kept.put('acme-certificate', key, next, now);
    await this.#kept.remove('acme-order', key);
    await this.#kept.remove('acme-failure', key);
    group.kept = next;
    group.attempts = 0;
    group.notBefore = 0;
    const until = readCertificate(certificate).validToDate.getTime();
    this.#parts.results?.obtained.add();
    log.info('certificate obtained', { domains: names, until });
    await this.#tell();
  }

  /** An order for these names that is under way. One whose proofs failed is over. */
  async #order(key: string) {
    const order = await this.#kept.get('acme-order', key);
    return order?.directory === this.#settings.directory ? order : undefined;
  }

  #newKey(kept: KeptCertificate | undefined): KeyObject {
    const isKept = kept !== undefined && kept.isKeyLost !== true;
    if (isKept && this.#settings.reuseKey) return createPrivateKey(kept.privateKey);
    return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  }

  #clientParts() {
    const { directory } = this.#settings;
    const send: KeeperSettings['send'] = async (request) => {
      await this.#turn?.confirm();
      return this.#settings.send(request);
    };
    return { directory, send, clock: this.#parts.clock };
  }

  /** What another node shows by now is not withdrawn. */
  #solverInTurn({ type, present, withdraw }: Solver): Solver {
    return {
      type,
      present: async (proof) => {
        await this.#turn?.confirm();
        await present(proof);
      },
      withdraw: async (proof) => {
        await this.#turn?.confirm();
        await withdraw(proof);
      },
    };
  }

  /** With an account, which is made where there is none. */
  async #client(): Promise<AcmeClient> {
    const { directory, contact, eab } = this.#settings;
    const kept = await this.#kept.get('acme-account', directory);
    const key = kept === undefined ? createAccountKey() : accountKeyFromPem(kept.privateKey);
    const client = new AcmeClient({ ...this.#clientParts(), key, account: kept?.url });
    if (kept !== undefined && keyOf(kept.contact) === keyOf(contact)) return client;
    if (kept !== undefined) await client.changeContact(contact);
    const url = kept?.url ?? (await client.register({ contact, eab }));
    const account = { privateKey: accountKeyPem(key), url, contact };
    await this.#kept.put('acme-account', directory, account, this.#parts.clock.now());
    return client;
  }

  async #failed(group: Group, error: unknown): Promise<void> {
    const { clock, random, log } = this.#parts;
    const now = clock.now();
    // An order that the authority ended is seen when it is looked at again. One that leads nowhere is given up.
    if (error instanceof AcmeError && group.attempts > 0)
      await this.#kept.remove('acme-order', group.key);
    const usual = retryMs[Math.min(group.attempts, retryMs.length - 1)]!;
    const asked = error instanceof AcmeError ? (error.retryAt ?? now) : now;
    const until = Math.max(Math.round(now + usual * (1 + random.fraction() / 4)), asked);
    this.#parts.results?.failed.add();
    group.attempts += 1;
    group.notBefore = until;
    group.failedAt = now;
    const { names, attempts, key } = group;
    const reason = messageOf(error);
    log.warn('certificate not obtained', { domains: names, reason, attempts, until });
    await this.#kept.put('acme-failure', key, { reason, at: now, attempts, until }, now);
  }
}
