// The other ends of the simulation: hosts with moods, and a ledger of what reached them. Nothing here
// knows the queue; it judges it by what arrives.

import assert from 'node:assert/strict';
import type { FakeClock } from '../../src/base/fake-clock.ts';
import type { Random } from '../../src/base/random.ts';
import type { DeliveryResult, RecipientResult } from '../../src/queue/delivery.ts';
import { reply } from '../../src/smtp/reply.ts';
import type { Lease, LeasedRecipient, NewRecipient } from '../../src/store/queue-store.ts';
import { doneAfterMs } from './journal-faults.ts';

/** Probabilities, drawn anew for each seed: every seed is hostile in its own way. */
export interface Moods {
  readonly refuse: number;
  readonly defer: number;
  readonly hang: number;
  readonly throwUp: number;
  readonly down: number;
  readonly busy: number;
  /** The host takes the message, and the line breaks before it says so. RFC 1047. */
  readonly loseReply: number;
  readonly delay: number;
}

export const peaceful: Moods = {
  ...{ refuse: 0, defer: 0, hang: 0, throwUp: 0, down: 0, busy: 0, loseReply: 0, delay: 0 },
};

/** One recipient of one message that we answered 250 for (or may have). */
export interface Fate {
  readonly key: string;
  readonly id: string;
  readonly address: string;
  readonly delivery: NewRecipient['delivery'];
  /** What its content begins with: its own id, or that of the message it was made from. */
  readonly token: string;
  /** For a mailbox here: whether its delivery makes another message, and those that attempts made. */
  readonly derives: boolean;
  readonly children: Fate[];
  readonly nullSender: boolean;
  /** False when the server died before it could answer. */
  accepted: boolean;
  arrivals: number;
  /** The host has it, and the queue may not know: one more arrival is nobody's fault. */
  doubtful: boolean;
  /** Recorded as delivered then: it must never arrive again. */
  settledAt: number | undefined;
  /** The host, or the calendar, said no for good. */
  refused: boolean;
  /** A notification of its failure has arrived. */
  told: boolean;
  cancelled: boolean;
}

export const homeDomain = 'home.example';
const day = 86_400_000;

export class RemoteWorld {
  readonly fates = new Map<string, Fate>();
  moods: Moods;
  duplicates = 0;
  readonly #clock: FakeClock;
  readonly #random: Random;
  /** Whole hosts that are down, until when. */
  readonly #downUntil = new Map<string, number>();

  constructor(clock: FakeClock, random: Random, moods: Moods) {
    this.#clock = clock;
    this.#random = random;
    this.moods = moods;
  }

  /** One attempt. It never comes back once the process that made it is dead. */
  async deliver(lease: Lease, signal: AbortSignal, isDead: () => boolean): Promise<DeliveryResult> {
    // Senders live at a host that is slow and loses replies, but takes reports: one that can never be
    // delivered is rightly dropped, and then nothing could be told from a loss.
    const home = lease.destination === `mx:${homeDomain}`;
    if (this.#happens(this.moods.delay)) await this.#pause(this.#random.fraction() * 5 * 60_000);
    if (isDead()) return forever();
    // Asked for after the pause: the world may have healed meanwhile.
    const moods = home ? { ...peaceful, loseReply: this.moods.loseReply } : this.moods;
    if (this.#happens(moods.throwUp)) throw new Error('a bug in delivery');
    if (this.#isDown(lease.destination, moods.down)) return deferAll(lease, 'No answer', 'down');
    if (this.#happens(moods.busy)) return deferAll(lease, 'Too many connections', 'busy');
    if (this.#happens(moods.hang)) return this.#hang(lease, signal, isDead);
    const content = await contentOf(lease);
    if (isDead()) return forever();
    const recipients = lease.recipients.map((recipient) => this.#answer(lease, recipient, content));
    if (!this.#happens(moods.loseReply)) return { recipients, health: 'ok' };
    for (const { address } of lease.recipients) this.#doubt(lease.message.id, address);
    return deferAll(lease, 'Connection lost after the final dot', 'ok');
  }

  /** The process died: what a host took may have been forgotten, but for what was written down. */
  crashed(at: number): void {
    for (const fate of this.fates.values()) {
      if (fate.settledAt !== undefined && fate.settledAt + doneAfterMs >= at)
        fate.settledAt = undefined;
      if (fate.arrivals > 0 && fate.settledAt === undefined) fate.doubtful = true;
    }
  }

  heal(): void {
    this.moods = peaceful;
    this.#downUntil.clear();
  }

  #answer({ message }: Lease, { address }: LeasedRecipient, content: string): RecipientResult {
    const fate = this.fates.get(`${message.id} ${address}`);
    if (fate === undefined) return this.#notification(message.sender, address, content);
    assert.ok(content.startsWith(`X-Token: ${fate.token}\r\n`), 'the content is its own');
    assert.ok(content.endsWith('the end\r\n'), 'the content is whole');
    if (this.#happens(this.moods.refuse)) {
      fate.refused = true;
      return { kind: 'failed', reply: reply(550, '1.1', 'No such user'), remote: true };
    }
    if (this.#happens(this.moods.defer))
      return { kind: 'deferred', reply: reply(451, '7.1', 'Greylisted'), remote: true };
    assert.equal(
      fate.settledAt,
      undefined,
      `${fate.key} arrives after it was recorded as delivered`,
    );
    if (fate.arrivals > 0) {
      assert.ok(fate.doubtful, `${fate.key} arrives twice without a reason`);
      this.duplicates += 1;
    }
    fate.arrivals += 1;
    fate.doubtful = false;
    return { kind: 'relayed', reply: reply(250, '0.0', 'OK'), dsn: true };
  }

  /** Mail that nobody submitted is a report from the queue, and must make sense. */
  #notification(sender: string, address: string, content: string): RecipientResult {
    assert.equal(sender, '', 'a report comes from the null reverse-path');
    assert.ok(address.endsWith(`@${homeDomain}`), 'a report goes to a sender');
    const id = /^X-Postrider-Queue-Id: (.*)\r$/m.exec(content)?.[1];
    const action = /^Action: (.*)\r$/m.exec(content)?.[1];
    const addresses = [...content.matchAll(/^Final-Recipient: rfc822; (.*)\r$/gm)];
    assert.ok(id !== undefined && addresses.length > 0, 'a report names message and recipients');
    for (const [, of] of addresses) {
      const fate = this.fates.get(`${id} ${of}`);
      assert.ok(
        fate !== undefined && !fate.nullSender,
        'a report is about mail that was submitted',
      );
      if (action === 'failed') fate.told = true;
    }
    return { kind: 'relayed', reply: reply(250, '0.0', 'OK'), dsn: true };
  }

  /** Silence. Perhaps the host has it all the same. */
  async #hang(lease: Lease, signal: AbortSignal, isDead: () => boolean): Promise<DeliveryResult> {
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      this.#clock.after(Math.floor(this.#random.fraction() * 3_600_000), resolve);
    });
    return isDead() ? forever() : deferAll(lease, 'Timeout', 'ok');
  }

  #doubt(id: string, address: string): void {
    const fate = this.fates.get(`${id} ${address}`);
    if (fate === undefined) return;
    if (fate.arrivals > 0) fate.doubtful = true;
    fate.refused = false;
  }

  #isDown(destination: string, probability: number): boolean {
    const now = this.#clock.now();
    if ((this.#downUntil.get(destination) ?? 0) > now) return true;
    if (!this.#happens(probability)) return false;
    this.#downUntil.set(destination, now + this.#random.fraction() * day);
    return true;
  }

  #happens(probability: number): boolean {
    return this.#random.fraction() < probability;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(Math.floor(ms), resolve);
    });
  }
}

function deferAll(lease: Lease, text: string, health: DeliveryResult['health']): DeliveryResult {
  const one: RecipientResult = { kind: 'deferred', reply: reply(451, '4.2', text) };
  return { recipients: lease.recipients.map(() => one), health };
}

export async function contentOf({ message }: Lease): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of message.content.read()) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString();
}

/** What the dead wait for. */
const forever = (): Promise<never> => new Promise(() => {});
