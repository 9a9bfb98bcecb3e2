// What one address has become so far, while the aliases that it leads to are followed.

import type { Mailbox } from '../../mail/fields/address.ts';
import { domainKey } from '../../mail/fields/address.ts';

export interface ResolvedRecipient {
  /** In wire form. */
  readonly address: string;
  /** The account's primary address, when it is delivered here. */
  readonly account?: string;
  /**
   * Equal for recipients that are one: one mailbox gets one copy, whatever its name is written
   * like. What follows the delimiter sorts mail, so that `ann` and `ann+lists` are two.
   */
  readonly copy: string;
  /** The address RCPT named, when an alias led from there to here. RFC 3461 §5.2.7. */
  readonly original?: string;
}

/** Limit: recipients that one RCPT may become. */
const expansionMax = 10_000;

/** What has been found while aliases are followed. */
export class Expansion {
  readonly named: string;
  readonly found = new Map<string, ResolvedRecipient>();
  /** Aliases we are inside of, and those that are done with. */
  readonly open = new Set<string>();
  readonly done = new Set<string>();
  readonly missing: string[] = [];
  looped = false;
  /** A return address was followed: what it names is not one of ours again. */
  cameBack = false;
  noReturn = false;
  tooWide = false;

  constructor(named: string) {
    this.named = named;
  }

  isFull(): boolean {
    this.tooWide ||= this.found.size + this.missing.length >= expansionMax;
    return this.tooWide;
  }

  add(recipient: ResolvedRecipient): void {
    if (this.found.has(recipient.copy)) return;
    this.found.set(recipient.copy, {
      ...recipient,
      ...((this.cameBack || this.done.size + this.open.size > 0) && { original: this.named }),
    });
  }
}

/** RFC 5321 §2.4: only the final host may compare local parts otherwise than as they are. */
export const copyElsewhere = ({ local, domain }: Mailbox): string =>
  `${local}@${domainKey(domain)}`;
