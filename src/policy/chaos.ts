// Faults on purpose, for `postrider dev`: refusals by chance, as Mailpit has them, and by address, so that a test can
// ask for one: `fail-450@` is refused, `fail-data-552@` after the content, `slow-5s@` is answered late, `drop@` ends the
// conversation. Chance is off until somebody turns it on.

import { type Clock, sleep } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Mailbox } from '../mail/fields/address.ts';
import type { Authenticator } from '../sasl/mechanism.ts';
import { type Reply, reply } from '../smtp/reply.ts';
import type { Policy } from './policy.ts';

export interface Trigger {
  /** The reply's code, 400 to 599. */
  readonly code: number;
  /** Of a hundred. */
  readonly percent: number;
}

export interface Triggers {
  readonly sender: Trigger;
  readonly recipient: Trigger;
  readonly authentication: Trigger;
}

export interface ChaosParts {
  readonly triggers: Triggers;
  readonly clock: Clock;
  readonly random: Random;
}

/** Limit: how late an address can ask to be answered. */
const slowSecondsMax = 60;

export class Chaos {
  readonly #clock: Clock;
  readonly #random: Random;
  triggers: Triggers;

  constructor({ triggers, clock, random }: ChaosParts) {
    this.triggers = triggers;
    this.#clock = clock;
    this.#random = random;
  }

  readonly policy: Policy = {
    name: 'chaos',
    mail: () => this.#byChance(this.triggers.sender),
    rcpt: async (_, { named }) => {
      const fault = faultOf(named);
      if (fault?.kind === 'slow') await sleep(this.#clock, fault.seconds * 1000);
      if (fault?.kind === 'refuse') return { objection: onPurpose(fault.code) };
      return this.#byChance(this.triggers.recipient);
    },
    message: ({ recipients }) => {
      for (const { named } of recipients) {
        const fault = faultOf(named);
        if (fault?.kind === 'refuse-content') return { objection: onPurpose(fault.code) };
      }
      return undefined;
    },
  };

  /** As another, but for those whom chance turns away. */
  over(authenticator: Authenticator): Authenticator {
    return {
      ...authenticator,
      verifyPassword: async (user, password) =>
        this.#hits(this.triggers.authentication)
          ? undefined
          : authenticator.verifyPassword(user, password),
    };
  }

  #byChance(trigger: Trigger): { readonly objection: Reply } | undefined {
    return this.#hits(trigger) ? { objection: onPurpose(trigger.code) } : undefined;
  }

  #hits({ percent }: Trigger): boolean {
    return percent > 0 && this.#random.fraction() * 100 < percent;
  }
}

type Fault =
  | { readonly kind: 'refuse' | 'refuse-content'; readonly code: number }
  | { readonly kind: 'slow'; readonly seconds: number };

/** What the address asks for, in whatever domain. */
export function faultOf(mailbox: Mailbox): Fault | undefined {
  const local = mailbox.local.toLowerCase();
  const [, content, code] = /^fail-(data-)?([45]\d\d)(?:[-+.].*)?$/.exec(local) ?? [];
  if (code !== undefined)
    return { kind: content === undefined ? 'refuse' : 'refuse-content', code: Number(code) };
  const [, seconds] = /^slow-(\d{1,3})s(?:[-+.].*)?$/.exec(local) ?? [];
  if (seconds !== undefined)
    return { kind: 'slow', seconds: Math.min(Number(seconds), slowSecondsMax) };
  // RFC 5321 §3.8: a server that must close the channel says 421.
  return /^drop(?:[-+.].*)?$/.test(local) ? { kind: 'refuse', code: 421 } : undefined;
}

// RFC 3463 §3.1: X.0.0, other status.
const onPurpose = (code: number): Reply => reply(code, '0.0', 'Refused on purpose, for a test');
