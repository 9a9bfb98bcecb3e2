// Mail that an account sends on: the same octets, as a message that follows from the one that is delivered. It keeps
// its sender in the queue; relays put one of ours in its place, as for aliases (docs/decisions/0027).

import type { Clock } from '../../base/clock.ts';
import { addressKey } from '../../mail/fields/address.ts';
import { notifyOf } from '../../mail/status/delivery-status.ts';
import { deliveredToField } from '../../mail/trace/trace.ts';
import { forwardMax } from '../../policy/rules/account-rules.ts';
import type { EnqueueEffect, NewRecipient } from '../../store/queue-store.ts';
import type { RuledMail } from './ruled-mail.ts';

export interface ForwardingParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly ids: () => string;
  /** Whom mail to an address goes to; [] where there is nobody. */
  readonly resolve: (address: string) => Promise<readonly NewRecipient[]>;
}

export interface SentOn {
  /** Those of the addresses that it is sent on to. */
  readonly targets: readonly string[];
  readonly effects: readonly EnqueueEffect[];
  readonly notes: readonly string[];
}

/**
 * Limit: how often a message may have been delivered before and is still sent on. People who forward to each other
 * would otherwise make more and more of it.
 */
const deliveriesMax = 3;

export function forwarding({ clock, ids, resolve }: ForwardingParts) {
  return async (mail: RuledMail, wanted: readonly string[]): Promise<SentOn> => {
    const targets: string[] = [];
    const effects: EnqueueEffect[] = [];
    const notes: string[] = [];
    for (const target of [...new Set(wanted)].slice(0, forwardMax)) {
      const loop = whyNot(addressKey(target), mail);
      const recipients = loop === undefined ? await resolve(target) : [];
      const problem = loop ?? (recipients.length === 0 ? 'nobody is there' : undefined);
      notes.push(problem === undefined ? `sent on to ${target}` : `not to ${target}: ${problem}`);
      if (problem !== undefined) continue;
      targets.push(target);
      effects.push(sentOn(mail, recipients));
    }
    return { targets, effects, notes };
  };

  function sentOn(
    { message, recipient }: RuledMail,
    recipients: readonly NewRecipient[],
  ): EnqueueEffect {
    const { failure } = notifyOf(recipient.params);
    const params = [failure ? 'NOTIFY=FAILURE' : 'NOTIFY=NEVER'];
    return {
      ...{ kind: 'enqueue', reason: 'forward' },
      message: {
        ...{ id: ids(), received: clock.now(), sender: message.sender },
        params: message.params.filter((param) => travels.test(param)),
        recipients: recipients.map((one) => ({ ...one, params, original: recipient.address })),
        prefix: deliveredToField(recipient.address) + message.prefix,
        content: { kind: 'queued', id: message.id },
        origin: { ...message.origin, parent: message.id },
        messageId: message.messageId,
      },
    };
  }
}

/** MAIL parameters that are about the content, and what is asked of every hop: RFC 8689 §4.1, RFC 6710. */
const travels = /^(?:BODY=|SMTPUTF8$|RET=|ENVID=|REQUIRETLS$|MT-PRIORITY=)/i;

function whyNot(target: string, { account, recipient, before }: RuledMail): string | undefined {
  if (target === account || target === addressKey(recipient.address))
    return 'it is the account itself';
  if (before === undefined) return undefined;
  if (before.has(target)) return 'it has been there before';
  return before.size >= deliveriesMax ? 'it has been sent on too often' : undefined;
}
