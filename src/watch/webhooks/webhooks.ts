// Programs that are told by HTTP what becomes of mail: each notice at least once, for three days. Whoever records
// what happens waits for nothing here: events are put aside in memory, taken into the outbox in batches, and posted
// from there. A crash costs what was just put aside. Of several nodes each tells what happened at it, and one takes what
// another has left that is gone.

import { BoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { stackOf } from '../../base/error-text.ts';
import type { Log } from '../../base/log.ts';
import type { Counter } from '../../base/metrics.ts';
import type { Random } from '../../base/random.ts';
import type { HistoryEvent } from '../../store/history.ts';
import type { Nodes } from '../../store/nodes.ts';
import type { RecordStore } from '../../store/record-store.ts';
import type { MessageNews } from '../message-news.ts';
import { newsOf } from '../message-news.ts';
import { WebhookLine } from './line.ts';
import { WebhookOutbox } from './outbox.ts';
import { bodyOf, fits } from './payload.ts';
import type { PostParts } from './post.ts';
import { post } from './post.ts';
import type { Notice, WebhookAttempt, WebhookTarget } from './webhook.ts';

export interface WebhooksParts extends Omit<PostParts, 'clock'> {
  readonly records: RecordStore;
  readonly nodes: Pick<Nodes, 'number' | 'list' | 'inTurn'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly requests: Readonly<Record<'ok' | 'failed', Counter>>;
  /** Those in force. */
  readonly targets: () => readonly WebhookTarget[];
  /** Of a message that was taken in some time ago. */
  readonly senderOf: (id: string) => Promise<string | undefined>;
}

/** Limits: events that are put aside; those taken into the outbox at once; messages whose sender is remembered. */
const asideMax = 10_000;
const batchMax = 100;
const sendersMax = 10_000;
/** How often it is looked for nodes that are gone. */
const lookMs = 15_000;

export class Webhooks {
  readonly #parts: WebhooksParts;
  readonly #outbox: WebhookOutbox;
  readonly #lines = new Map<string, WebhookLine>();
  readonly #senders = new BoundedMap<string, string>(sendersMax);
  readonly #end = new AbortController();
  #aside: MessageNews[] = [];
  #leftOut = 0;
  #taking: Promise<void> | undefined;
  #started = false;
  #isStopped = false;
  /** The nodes that were there when what others had left was looked for. */
  #seen: string | undefined;
  #looking: Promise<void> | undefined;
  #cancel: (() => void) | undefined;

  constructor(parts: WebhooksParts) {
    this.#parts = parts;
    this.#outbox = new WebhookOutbox(parts.records, parts.nodes.number);
  }

  /** Never throws, never waits. */
  note(event: HistoryEvent): void {
    const targets = this.#parts.targets();
    if (targets.length === 0) return;
    if (event.kind === 'received') this.#senders.set(event.id, event.sender);
    for (const news of newsOf(event)) {
      if (!targets.some((target) => wants(target, news))) continue;
      if (this.#aside.length < asideMax) this.#aside.push(news);
      else this.#leftOut += 1;
    }
    this.#takeIn();
  }

  /** What the last run has not been able to tell goes on. Never rejects. */
  async start(): Promise<void> {
    await this.#goOn().catch(this.#notKept);
    this.#started = true;
    this.#takeIn();
    this.#lookLater();
  }

  /** The configuration is another: who is not in it any more is told nothing. */
  changed(): void {
    const named = new Set(this.#parts.targets().map(({ name }) => name));
    for (const [name, line] of this.#lines)
      if (!named.has(name)) {
        this.#lines.delete(name);
        void this.#forget(name, line);
      }
  }

  list() {
    return this.#parts.targets().map(({ name, url, events }) => {
      const { waiting, givenUp, nextAttempt, attempts } = this.#lineOf(name)!.state;
      return { name, url, events, waiting, givenUp, nextAttempt, attempts };
    });
  }

  /** Posts now, once; undefined where there is no such webhook. */
  async test(name: string): Promise<WebhookAttempt | undefined> {
    const target = this.#parts.targets().find((one) => one.name === name);
    if (target === undefined) return undefined;
    const since = this.#parts.clock.now();
    const event = 'webhook.test';
    const body = JSON.stringify({ type: event, timestamp: isoOf(since), data: { webhook: name } });
    const attempt = await this.#post(target, { id: this.#newId(), event, since, body, attempt: 1 });
    this.#lineOf(name)?.show(attempt);
    return attempt;
  }

  /** What was put aside is in the outbox then. Requests under way are given up, and made again after the next start. */
  async stop(): Promise<void> {
    this.#cancel?.();
    this.#isStopped = true;
    await this.#looking;
    while (this.#taking !== undefined) await this.#taking;
    const stopped = [...this.#lines.values()].map((line) => line.stop());
    this.#end.abort();
    await Promise.all(stopped);
  }

  /** What is of this node, or of nobody in particular where it is alone. */
  async #goOn(): Promise<void> {
    const { number } = this.#parts.nodes;
    const unknown = new Map<string, string[]>();
    for await (const { name, node, ...waiting } of this.#outbox.all()) {
      if (number !== 0 && node !== number) continue;
      const line = this.#lineOf(name);
      if (line !== undefined) line.add(waiting);
      else unknown.set(name, [...(unknown.get(name) ?? []), waiting.id]);
    }
    for (const [name, ids] of unknown) await this.#outbox.remove(name, ids);
  }

  /** Where there are others: what those have left that are gone. */
  #lookLater(): void {
    const { nodes, clock } = this.#parts;
    if (nodes.number === 0 || this.#isStopped) return;
    this.#cancel = clock.after(lookMs, () => {
      this.#looking = this.#lookForLeft()
        .catch(this.#notKept)
        .finally(() => this.#lookLater());
    });
  }

  /** When nodes have come or gone. One node at a time, so that no two take the same. */
  async #lookForLeft(): Promise<void> {
    const before = await this.#nodesThere();
    if (before.text === this.#seen) return;
    const isDone = await this.#parts.nodes.inTurn('webhooks', async (turn) => {
      let isWhole = true;
      for await (const { node, name, ...waiting } of this.#outbox.all()) {
        if (before.numbers.has(node) || this.#lineOf(name) === undefined) continue;
        // Its node may have begun anew by now, and may be gone again before the next look.
        if ((await this.#nodesThere()).numbers.has(node)) isWhole = false;
        else if (await this.#outbox.take(name, waiting.id, turn)) this.#lineOf(name)?.add(waiting);
      }
      return isWhole;
    });
    if (isDone === true) this.#seen = before.text;
  }

  /** Who tells what it has written: this node, and those that are there. */
  async #nodesThere(): Promise<{ readonly numbers: ReadonlySet<number>; readonly text: string }> {
    const { nodes } = this.#parts;
    const there = (await nodes.list()).filter(({ state }) => state !== 'gone');
    const numbers = new Set(there.map(({ number }) => number)).add(nodes.number);
    return { numbers, text: there.map(({ number, started }) => `${number} ${started}`).join() };
  }

  readonly #notKept = (error: unknown): void =>
    this.#parts.log.warn('webhook events not kept', { error: stackOf(error) });

  async #forget(name: string, line: WebhookLine): Promise<void> {
    const { ids } = line;
    await line.stop();
    await this.#outbox.remove(name, ids).catch((error: unknown) => {
      this.#parts.log.warn('webhook events not kept', { webhook: name, error: stackOf(error) });
    });
  }

  #takeIn(): void {
    if (!this.#started || this.#taking !== undefined || this.#aside.length === 0) return;
    this.#taking = this.#takeAll();
  }

  /** Takes in all that is aside, until there is no more; at least one must be there. Never rejects. */
  async #takeAll(): Promise<void> {
    const { log } = this.#parts;
    while (this.#aside.length > 0) {
      const batch = this.#aside.slice(0, batchMax);
      this.#aside = this.#aside.slice(batchMax);
      try {
        await this.#take(batch);
      } catch (error) {
        log.warn('webhook events not kept', { count: batch.length, error: stackOf(error) });
      }
    }
    // Without a wait since the last look at what is aside: what comes after it is taken in by the next call.
    this.#taking = undefined;
    if (this.#leftOut === 0) return;
    log.warn('webhook events given up', { count: this.#leftOut, reason: 'too many at once' });
    this.#leftOut = 0;
  }

  async #take(batch: readonly MessageNews[]): Promise<void> {
    const now = this.#parts.clock.now();
    const taken: (Notice & { name: string; attempts: number; due: number })[] = [];
    for (const news of batch) {
      const sender = await this.#senderOf(news, false);
      const body = bodyOf({ ...news, ...(sender !== undefined && { sender }) });
      for (const target of this.#parts.targets()) {
        const { name } = target;
        if (!wants(target, news)) continue;
        if (!(await fits(target.filter, news, () => this.#senderOf(news, true)))) continue;
        const also = taken.filter((one) => one.name === name).length;
        if (this.#lineOf(name)?.hasRoom(also) !== true) continue;
        const notice = { id: this.#newId(), event: news.event, since: now, body };
        taken.push({ ...notice, name, attempts: 0, due: now });
      }
    }
    if (taken.length > 0) await this.#outbox.put(taken);
    for (const { name, body: _, ...waiting } of taken) this.#lineOf(name)?.add(waiting);
  }

  /** Older messages are looked for only where it matters: that takes a while. */
  async #senderOf(news: MessageNews, thoroughly: boolean): Promise<string | undefined> {
    const { sender, id } = news;
    if (typeof sender === 'string') return sender;
    if (typeof id !== 'string' || news.event === 'message.refused') return undefined;
    const known = this.#senders.get(id);
    if (known !== undefined || !thoroughly) return known;
    const found = await this.#parts.senderOf(id);
    if (found !== undefined) this.#senders.set(id, found);
    return found;
  }

  #lineOf(name: string): WebhookLine | undefined {
    const target = () => this.#parts.targets().find((one) => one.name === name);
    const before = this.#lines.get(name);
    if (before !== undefined || target() === undefined) return before;
    const { clock, random, log, requests } = this.#parts;
    const line = new WebhookLine({
      ...{ name, outbox: this.#outbox, clock, random, log },
      onAttempt: ({ problem }) => requests[problem === undefined ? 'ok' : 'failed'].add(),
      post: (notice) => {
        const now = target();
        const { id, event, attempt } = notice;
        const gone = { at: clock.now(), event, id, attempt, ms: 0, problem: 'not configured' };
        return now === undefined ? Promise.resolve(gone) : this.#post(now, notice);
      },
    });
    this.#lines.set(name, line);
    return line;
  }

  #post(target: WebhookTarget, notice: Notice & { attempt: number }): Promise<WebhookAttempt> {
    return post(target, notice, { ...this.#parts, signal: this.#end.signal });
  }

  /** Later ones sort behind earlier ones. */
  #newId(): string {
    const { clock, random } = this.#parts;
    return `msg_${clock.now().toString(36).padStart(9, '0')}${random.bytes(9).toString('hex')}`;
  }
}

const wants = ({ events }: WebhookTarget, { event }: MessageNews): boolean =>
  events.some((name) => event === `message.${name}`);

const isoOf = (at: number): string => new Date(at).toISOString();
