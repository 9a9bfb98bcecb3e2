// Relays in another thread, from the queue's side: attempts that begin in one turn of the event loop
// cross together, and so do their results. The thread starts with the first attempt. When it dies,
// what it had under way comes back deferred, and another takes its place: mail is never lost, at
// worst delivered twice, as after a crash of the whole process.

import { Worker } from 'node:worker_threads';
import { assert, unreachable } from '../../../base/assert.ts';
import type { Clock } from '../../../base/clock.ts';
import { stackOf } from '../../../base/error-text.ts';
import type { Log } from '../../../base/log.ts';
import type { Counter } from '../../../base/metrics.ts';
import { TransientMap } from '../../../base/transient-map.ts';
import type { DeliveryResult } from '../../../queue/delivery.ts';
import type { Reply } from '../../../smtp/reply.ts';
import { reply } from '../../../smtp/reply.ts';
import type { Relay, RelayLease, RelaySettings } from '../relay.ts';
import { stopped } from '../relay.ts';
import type { StsFound, StsPolicySource } from '../security/sts.ts';
import type { AttemptRow, FromRelay, ToRelay } from './wire.ts';
import { attemptRow, packContents, resultOf } from './wire.ts';

export interface RelayThreadOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Asked on behalf of the thread. Without it no domain has a policy. */
  readonly policies?: StsPolicySource | undefined;
  /** Counts what the thread asks name servers. */
  readonly queries?: Counter | undefined;
  /** The program of the thread, which calls serveRelays(). Default: worker.ts. */
  readonly program?: URL | undefined;
}

// RFC 3463 §3.4: X.3.0, the fault is ours.
const died = reply(451, '3.0', 'The delivery was interrupted by an error of ours');

// Under node_modules the compiled file is the one to run.
const usualProgram = new URL(
  import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js',
  import.meta.url,
);

/** Limit: a thread that dies is started anew no more often than this. */
const restartMs = 1000;
/** Limit: twice what idle connections get for their goodbyes; a thread that hangs holds up no stop. */
const closeMs = 10_000;

interface Waiting {
  readonly recipients: number;
  readonly signal: number;
  readonly resolve: (result: DeliveryResult) => void;
  readonly reject: (error: Error) => void;
}

export class RelayThread implements AsyncDisposable {
  readonly #options: RelayThreadOptions;
  #worker: Worker | undefined;
  #startedAt = Number.NEGATIVE_INFINITY;
  /** The thread that died is not replaced yet. */
  #resting = false;
  #ended = false;
  #generations = 0;
  /** Configurations in force, and whether the thread there is knows them. */
  readonly #open = new Map<number, { readonly settings: RelaySettings; told: boolean }>();
  readonly #closing = new Map<number, () => void>();
  #attempts = 0;
  readonly #waiting = new TransientMap<number, Waiting>();
  #signals = 0;
  readonly #numbers = new WeakMap<AbortSignal, number>();
  /** What goes over at the end of this turn. */
  #rows: AttemptRow[] = [];
  #contents: Uint8Array[] = [];

  constructor(options: RelayThreadOptions) {
    this.#options = options;
  }

  open(settings: RelaySettings): Relay {
    this.#generations += 1;
    const generation = this.#generations;
    this.#open.set(generation, { settings, told: false });
    return {
      attempt: (lease, route, signal) => this.#attempt(generation, lease, route, signal),
      forget: () => this.#forget(generation),
      close: () => this.#close(generation),
    };
  }

  /** What is under way is given up: who wants it finished waits for it first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    const worker = this.#worker;
    this.#worker = undefined;
    this.#giveUp(stopped);
    await worker?.terminate();
  }

  #attempt(
    generation: number,
    lease: RelayLease,
    route: Parameters<Relay['attempt']>[1],
    abort: AbortSignal,
  ): Promise<DeliveryResult> {
    const recipients = lease.recipients.length;
    if (this.#ended || abort.aborted) return Promise.resolve(deferred(recipients, stopped));
    const signal = this.#numberOf(abort);
    this.#attempts += 1;
    const attempt = this.#attempts;
    const { bytes, file } = lease.message.content;
    assert(bytes !== undefined || file !== undefined, 'content can be read in another thread');
    const row = attemptRow([attempt, generation, signal], lease, route);
    if (bytes !== undefined) this.#contents.push(bytes);
    this.#rows.push(row);
    if (this.#rows.length === 1) setImmediate(() => this.#send());
    return new Promise((resolve, reject) => {
      this.#waiting.set(attempt, { recipients, signal, resolve, reject });
    });
  }

  #numberOf(signal: AbortSignal): number {
    const known = this.#numbers.get(signal);
    if (known !== undefined) return known;
    this.#signals += 1;
    const number = this.#signals;
    this.#numbers.set(signal, number);
    signal.addEventListener('abort', () => this.#abort(number), { once: true });
    return number;
  }

  #abort(signal: number): void {
    this.#send();
    if (this.#worker !== undefined) this.#post({ kind: 'abort', signal });
    else this.#giveUp(stopped); // there is no thread, and nothing began
  }

  /** A thread that does not know the configuration yet has learnt nothing by it. */
  #forget(generation: number): void {
    if (this.#open.get(generation)?.told === true) this.#post({ kind: 'forget', generation });
  }

  async #close(generation: number): Promise<void> {
    this.#send();
    const told = this.#open.get(generation)?.told === true;
    this.#open.delete(generation);
    if (!told || this.#worker === undefined) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(closeMs, resolve);
      this.#closing.set(generation, () => {
        cancel();
        resolve();
      });
      this.#post({ kind: 'close', generation });
    });
  }

  #send(): void {
    if (this.#rows.length === 0 || this.#resting || this.#ended) return;
    this.#worker ??= this.#start();
    const rows = this.#rows;
    const pack = packContents(this.#contents);
    this.#rows = [];
    this.#contents = [];
    for (const [generation, open] of this.#open)
      if (!open.told) {
        open.told = true;
        this.#post({ kind: 'open', generation, settings: open.settings });
      }
    this.#post({ kind: 'attempts', rows, pack }, pack === undefined ? [] : [pack]);
  }

  #post(message: ToRelay, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker?.postMessage(message, transfer);
  }

  #start(): Worker {
    this.#startedAt = this.#options.clock.now();
    const worker = new Worker(this.#options.program ?? usualProgram, {
      name: 'relay',
      // A nursery of 8 MiB, as bin/postrider gives the server's thread.
      resourceLimits: { maxYoungGenerationSizeMb: 24 },
    });
    let cause: unknown;
    worker.on('message', (message: FromRelay) => this.#hear(message));
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('messageerror', (error) => {
      cause = error;
      void worker.terminate();
    });
    worker.on('exit', (code) => this.#died(worker, cause ?? `it ended with ${code}`));
    return worker;
  }

  #hear(message: FromRelay): void {
    switch (message.kind) {
      case 'results':
        this.#options.queries?.add(message.queries);
        for (const row of message.rows) {
          const [attempt, thrown] = row;
          const waiting = this.#waiting.get(attempt);
          this.#waiting.delete(attempt);
          if (thrown === null) waiting?.resolve(resultOf(row));
          else waiting?.reject(new Error(thrown));
        }
        return;
      case 'closed':
        this.#closing.get(message.generation)?.();
        this.#closing.delete(message.generation);
        return;
      case 'ask':
        void this.#answer(message);
        return;
      case 'log':
        this.#options.log[message.level](message.event, message.fields);
        return;
      default:
        unreachable(message);
    }
  }

  async #answer({ question, domain }: Extract<FromRelay, { readonly kind: 'ask' }>): Promise<void> {
    const asking = this.#worker;
    const { policies } = this.#options;
    let found: StsFound | string = {};
    try {
      found = (await policies?.policyFor(domain)) ?? {};
    } catch (error) {
      found = stackOf(error);
    }
    // Another thread counts its questions anew.
    if (this.#worker === asking) this.#post({ kind: 'policy', question, found });
  }

  #died(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return; // ended by us
    const { log, clock } = this.#options;
    log.error('relay-stopped', { error: stackOf(cause), attempts: this.#waiting.size });
    this.#worker = undefined;
    for (const open of this.#open.values()) open.told = false;
    this.#giveUp(died);
    const restMs = this.#startedAt + restartMs - clock.now();
    if (restMs <= 0) return;
    this.#resting = true;
    clock.after(restMs, () => {
      this.#resting = false;
      this.#send();
    });
  }

  /** Everything that waits for an answer gets this one. */
  #giveUp(said: Reply): void {
    this.#rows = [];
    this.#contents = [];
    for (const close of this.#closing.values()) close();
    this.#closing.clear();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { recipients, resolve } of waiting) resolve(deferred(recipients, said));
  }
}

const deferred = (recipients: number, said: Reply): DeliveryResult => ({
  recipients: new Array(recipients).fill({ kind: 'deferred', reply: said }),
  health: 'ok',
});
