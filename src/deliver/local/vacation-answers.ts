// Answers of people who are away: at most one in so many days for each sender, which is remembered in the settlement
// that sends it. RFC 3834, RFC 5230.

import { BoundedMap } from '../../base/bounded-map.ts';
import type { Clock } from '../../base/clock.ts';
import { composedMessage } from '../../mail/composed-message.ts';
import { addressKey } from '../../mail/fields/address.ts';
import type { HeaderField } from '../../mail/header/header.ts';
import { isAscii } from '../../mail/status/delivery-status.ts';
import type { VacationRule } from '../../policy/rules/account-rules.ts';
import type { AnsweredMail } from '../../policy/rules/vacation.ts';
import { answeredKey, isAway, vacationAnswer, whyUnanswered } from '../../policy/rules/vacation.ts';
import type { AccountStore } from '../../store/account-store.ts';
import type { Effect, EnqueueEffect, NewRecipient, QueueStore } from '../../store/queue-store.ts';
import type { RuledMail } from './ruled-mail.ts';

export interface VacationParts {
  readonly queue: Pick<QueueStore, 'remembered'>;
  readonly accounts: Pick<AccountStore, 'find'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly ids: () => string;
  /** Whom mail to an address goes to; [] where there is nobody. */
  readonly resolve: (address: string) => Promise<readonly NewRecipient[]>;
}

export interface VacationAnswer {
  readonly effects: readonly Effect[];
  /** Why there is none, or that there is one. */
  readonly note: string | undefined;
}

/** Limits: senders whose answer is under way, and for how long that is taken to be so. */
const answeringMax = 10_000;
const answeringMs = 60_000;
const dayMs = 86_400_000;

const none = (why?: string): VacationAnswer => ({
  effects: [],
  note: why && `no vacation answer: ${why}`,
});

export class VacationAnswers {
  readonly #parts: VacationParts;
  /** Until when: what another delivery is about to remember is not in the store yet. */
  readonly #answering = new BoundedMap<string, number>(answeringMax);

  constructor(parts: VacationParts) {
    this.#parts = parts;
  }

  async answer(
    mail: RuledMail,
    rule: VacationRule | undefined,
    fields: readonly HeaderField[],
  ): Promise<VacationAnswer> {
    const now = this.#parts.clock.now();
    if (rule === undefined || !isAway(rule, now)) return none();
    const { account } = mail;
    const answered = { sender: mail.message.sender, fields };
    const why = whyUnanswered(answered, await this.#ownAddresses(mail));
    if (why !== undefined) return none(why);
    const key = answeredKey(rule, answered.sender);
    if (!(await this.#isFirst(account, key, now))) return none('its sender has had one');
    const recipients = await this.#parts.resolve(answered.sender);
    if (recipients.length === 0) return none('nobody is there');
    const message = this.#message({ mail, rule, answered, recipients, now });
    return {
      effects: [
        { kind: 'enqueue', reason: 'vacation', message },
        { kind: 'remember', account, key, until: now + rule.days * dayMs },
      ],
      note: 'vacation answer sent',
    };
  }

  #message({ mail, rule, answered, recipients, now }: Answering): EnqueueEffect['message'] {
    const { account, message } = mail;
    const id = this.#parts.ids();
    const bytes = composedMessage(vacationAnswer(rule, answered, { account, date: now }));
    return {
      // RFC 3834 §3.3: nothing answers it, and no failure of it is told.
      ...{ id, received: now, sender: '', prefix: '' },
      params: isAscii(account + answered.sender) ? [] : ['SMTPUTF8'],
      recipients: recipients.map((one) => ({ ...one, params: ['NOTIFY=NEVER'] })),
      content: { kind: 'inline', bytes },
      origin: { session: id, service: 'queue', protocol: 'local', parent: message.id },
    };
  }

  async #ownAddresses({ account, recipient }: RuledMail): Promise<ReadonlySet<string>> {
    const known = await this.#parts.accounts.find(account);
    const brought = [account, recipient.address, recipient.original ?? account].map(addressKey);
    return new Set([...(known?.addresses ?? []), ...brought]);
  }

  async #isFirst(account: string, key: string, now: number): Promise<boolean> {
    const whole = `${account} ${key}`;
    if ((this.#answering.get(whole) ?? 0) > now) return false;
    this.#answering.set(whole, now + answeringMs);
    return !(await this.#parts.queue.remembered(account, key));
  }
}

interface Answering {
  readonly mail: RuledMail;
  readonly rule: VacationRule;
  readonly answered: AnsweredMail;
  readonly recipients: readonly NewRecipient[];
  readonly now: number;
}
