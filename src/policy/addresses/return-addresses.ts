// Addresses of ours that stand for senders, both ways: made on the way out, followed back when somebody answers.
// They stand for others whose mail an alias sends on (trust/srs.ts), and for our own with a tag (trust/batv.ts).

import type { Clock } from '../../base/clock.ts';
import type { Mailbox } from '../../mail/fields/address.ts';
import { canBeTagged, isTagged, taggedLocalPart, untagged } from '../../trust/batv.ts';
import type { ReturnedTo, SrsKey } from '../../trust/srs.ts';
import { reverseSrs, srsLocalPart } from '../../trust/srs.ts';

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
  async reverse(local: string): Promise<ReturnedTo | undefined> {
    return isSrs(local) ? reverseSrs(local, await this.#key()) : undefined;
  }

  /** A sender of ours with a tag of today; undefined where it keeps its name. */
  async tagged(sender: Mailbox): Promise<Mailbox | undefined> {
    if (!canBeTagged(sender)) return undefined;
    return { ...sender, local: taggedLocalPart(sender, await this.#key()) };
  }

  /** An address of ours without its tag; undefined where it has none. */
  async untagged(address: Mailbox): Promise<ReturnedTo | undefined> {
    return isTagged(address.local) ? untagged(address, await this.#key()) : undefined;
  }

  async #key(): Promise<SrsKey> {
    const today = Math.floor(this.#parts.clock.now() / dayMs);
    return { secret: await this.#parts.secret(), today };
  }
}

/** Written like one of them; whether it is one, the address map says. */
export const isReturnAddress = ({ local }: Mailbox): boolean => isSrs(local) || isTagged(local);

const isSrs = (local: string): boolean => /^srs[01]=/i.test(local);

const dayMs = 86_400_000;
