// What policies have answered in one transaction, or about one connection: asks them in order, keeps what they
// found, and owns what they reserved. Whatever way a transaction ends, each of its reservations is
// settled or released, once. Costs nothing while nobody has anything to say.

import { stackOf } from '../base/error-text.ts';
import type { Log } from '../base/log.ts';
import type { Finding } from '../mail/finding.ts';
import type { Reply } from '../smtp/reply.ts';
import type { Answer, HeadChange, MessageAnswer, Reservation } from './policy.ts';

/** Why we say no; undefined for "no objection". */
export type Objection = Reply | undefined;

export class Answers {
  readonly #log: Pick<Log, 'error'>;
  readonly #findings: Finding[];
  readonly #head: HeadChange[] = [];
  #reservations: Reservation[] = [];
  #over = false;

  /** `before`: what is known of the client already. */
  constructor(log: Pick<Log, 'error'>, before: readonly Finding[] = []) {
    this.#log = log;
    this.#findings = [...before];
  }

  /** In order; what is found goes on being added. */
  get findings(): readonly Finding[] {
    return this.#findings;
  }

  /** How the head of the message changes. */
  get head(): readonly HeadChange[] {
    return this.#head;
  }

  /**
   * Asks one after the other; the first objection wins, and what those who were asked before it have
   * reserved meanwhile is released. A promise only where a policy needs one.
   */
  ask<P>(
    policies: readonly P[],
    put: (policy: P) => Answer<MessageAnswer>,
  ): Objection | Promise<Objection> {
    const held = this.#reservations.length;
    try {
      for (let i = 0; i < policies.length; i += 1) {
        const answer = put(policies[i]!);
        if (answer instanceof Promise)
          return this.#askRest(answer, { policies: policies.slice(i + 1), put, held });
        const objection = this.#take(answer, held);
        if (objection !== undefined) return objection;
      }
    } catch (error) {
      this.#release(held);
      throw error;
    }
    return undefined;
  }

  /** The message is queued. */
  settle(): void {
    const settled = this.#reservations;
    this.#reservations = [];
    this.#over = true;
    for (const reservation of settled) this.#end(() => reservation.settle?.());
  }

  /** Nothing came of it. May be called again, and after settle(). */
  release(): void {
    this.#over = true;
    this.#release(0);
  }

  async #askRest<P>(
    pending: Promise<MessageAnswer | undefined>,
    rest: Rest<P>,
  ): Promise<Objection> {
    const { policies, put, held } = rest;
    try {
      let objection = this.#take(await pending, held);
      for (const policy of policies) {
        if (objection !== undefined) break;
        objection = this.#take(await put(policy), held);
      }
      return objection;
    } catch (error) {
      this.#release(held);
      throw error;
    }
  }

  #take(answer: MessageAnswer | undefined, held: number): Objection {
    if (answer === undefined) return undefined;
    const { objection, findings, reservation, head } = answer;
    if (head !== undefined) this.#head.push(head);
    if (findings !== undefined) this.#findings.push(...findings);
    if (reservation !== undefined) this.#reservations.push(reservation);
    if (objection !== undefined || this.#over) this.#release(this.#over ? 0 : held);
    return objection;
  }

  /** All but the first `kept`, in the opposite order. */
  #release(kept: number): void {
    while (this.#reservations.length > kept) {
      const reservation = this.#reservations.pop()!;
      this.#end(() => reservation.release());
    }
  }

  /** One that fails keeps neither the others nor the message from their end. */
  #end(end: () => void): void {
    try {
      end();
    } catch (error) {
      this.#log.error('a reservation failed', { error: stackOf(error) });
    }
  }
}

interface Rest<P> {
  readonly policies: readonly P[];
  readonly put: (policy: P) => Answer<MessageAnswer>;
  readonly held: number;
}
