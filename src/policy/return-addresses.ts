// Addresses of ours that stand for the senders of mail that is sent on (trust/srs.ts), both ways: made when an
// alias leads elsewhere, followed back when somebody answers.

import type { Clock } from '../base/clock.ts';
import type { Mailbox } from '../mail/address.ts';
import type { SrsKey, SrsReversed } from '../trust/srs.ts';
import { reverseSrs, srsLocalPart } from '../trust/srs.ts';

export interface ReturnAddressesParts {
  /** The same after a restart: AccountStore.secret. */
  readonly secret: () => Promise<Uint8Array>;
  readonly clock: Pick<Clock, 'now'>;
}

export class ReturnAddresses {
  readonly #parts: ReturnAddressesParts;

  constructor(parts: ReturnAddressesParts) {
    this.#parts = parts;
  }

  /** The sender as an address in `domain`. */
  async of(sender: Mailbox, domain: string): Promise<Mailbox> {
    return { local: srsLocalPart(sender, await this.#key()), domain };
  }

  /** Whom an address of ours stands for; undefined where it is written like other addresses. */
  async reverse(local: string): Promise<SrsReversed | undefined> {
    return /^srs[01]=/i.test(local) ? reverseSrs(local, await this.#key()) : undefined;
  }

  async #key(): Promise<SrsKey> {
    const today = Math.floor(this.#parts.clock.now() / dayMs);
    return { secret: await this.#parts.secret(), today };
  }
}

const dayMs = 86_400_000;
