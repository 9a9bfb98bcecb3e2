// What the rules of an account make of its mail: where it lies and how it is marked, and what follows from it as effects
// of the same settlement (mail that is sent on, an answer, whom it answered). Nothing is written here.

import { parseHeader } from '../../mail/header/header.ts';
import { canonicalName, whyNotOwn } from '../../mailbox/folder-name.ts';
import { placementOf } from '../../policy/rules/filter-mail.ts';
import type { RuleBook } from '../../policy/rules/rule-book.ts';
import type { Effect } from '../../store/queue-store.ts';
import type { ForwardingParts } from './forwarding.ts';
import { forwarding } from './forwarding.ts';
import type { RuledMail } from './ruled-mail.ts';
import type { VacationParts } from './vacation-answers.ts';
import { VacationAnswers } from './vacation-answers.ts';

export interface RulesParts extends ForwardingParts, VacationParts {
  readonly rules: Pick<RuleBook, 'of'>;
}

export interface Ruled {
  /** Undefined: INBOX. */
  readonly folder: string | undefined;
  readonly flags: readonly string[];
  /** Whether a copy is kept here at all. */
  readonly isKept: boolean;
  readonly effects: readonly Effect[];
  /** For `why` and the log. */
  readonly note: string | undefined;
}

/** Undefined for an account that has no rules. */
export type ByRules = (mail: RuledMail) => Promise<Ruled | undefined>;

/** In the form in which IMAP looks for it; undefined where nobody could find it: then the mail is where all mail is. */
function ownFolder(written: string): string | undefined {
  const name = canonicalName(written);
  return whyNotOwn(name) === undefined ? name : undefined;
}

export function byRules(parts: RulesParts): ByRules {
  const sendOn = forwarding(parts);
  const vacation = new VacationAnswers(parts);
  return async (mail) => {
    const rules = await parts.rules.of(mail.account);
    if (rules === undefined) return undefined;
    const fields = parseHeader(mail.head);
    const { address: recipient } = mail.recipient;
    const placed = placementOf(rules, { fields, recipient, size: mail.message.content.size });
    const { matched, discard } = placed;
    const { to = [], keepCopy = true } = (discard ? undefined : rules.forward) ?? {};
    const sent = await sendOn(mail, [...to, ...placed.forward]);
    const answer = discard ? undefined : await vacation.answer(mail, rules.vacation, fields);
    const notes = [
      matched.length > 0 ? `filters: ${matched.join(', ')}` : undefined,
      discard ? 'discarded by a filter' : undefined,
      ...sent.notes,
      answer?.note,
    ].filter((note) => note !== undefined);
    return {
      ...{ folder: placed.folder && ownFolder(placed.folder), flags: placed.flags },
      // Where it cannot be sent on there is no other copy.
      isKept: !discard && (keepCopy || !to.some((address) => sent.targets.includes(address))),
      effects: [...sent.effects, ...(answer?.effects ?? [])],
      note: notes.length === 0 ? undefined : notes.join('; '),
    };
  };
}
