// From the RCPTs of a transaction to the recipients of a queued message, and to what these need in
// mailboxes of ours.

import { formatMailbox } from '../mail/fields/address.ts';
import { finalFields } from '../mail/trace/trace.ts';
import type { AcceptedRecipient } from '../policy/envelope.ts';
import { formatRcptParam } from '../smtp/extensions/index.ts';
import { storedSize } from '../store/content.ts';
import type { Quota } from '../store/folder-store.ts';
import type { NewMessage, NewRecipient, RoomAsked, Way } from '../store/queue-store.ts';

export interface QueueRecipients {
  readonly recipients: readonly NewRecipient[];
  /** Of each: the account in whose mailbox it ends, where that is ours. */
  readonly accounts: readonly (string | undefined)[];
  /** For each RCPT: the positions of its recipients. */
  readonly rcpts: readonly (readonly number[])[];
}

const none: readonly string[] = [];

/** RFC 7293 §8.2: since when an address has its owner says nothing of another one to which an alias leads. */
const isOfAny = (param: string): boolean => !param.startsWith('RRVS=');

/** Every target once, however many RCPTs or aliases led to it. */
export function queueRecipients(
  accepted: readonly AcceptedRecipient[],
  wayOf: (address: string) => Way,
): QueueRecipients {
  const positions = new Map<string, number>();
  const recipients: NewRecipient[] = [];
  const accounts: (string | undefined)[] = [];
  const rcpts: number[][] = [];
  for (const { params, targets, named } of accepted) {
    const wire = params.length === 0 ? none : params.map(formatRcptParam);
    const rcpt: number[] = [];
    for (const { address, original, copy, account } of targets) {
      const known = positions.get(copy);
      rcpt.push(known ?? recipients.length);
      if (known !== undefined) continue;
      positions.set(copy, recipients.length);
      const { delivery, destination } = wayOf(address);
      const isNamed = original === undefined && targets.length === 1;
      const isElsewhere = account === undefined && original !== undefined && original !== address;
      recipients.push({
        ...{ address, params: isElsewhere ? wire.filter(isOfAny) : wire, delivery, destination },
        ...(!isNamed && { original: original ?? formatMailbox(named) }),
      });
      accounts.push(delivery === 'local' ? account : undefined);
    }
    rcpts.push(rcpt);
  }
  return { recipients, accounts, rcpts };
}

/**
 * What a message needs, to be asked of the store; undefined when it is for no mailbox of ours.
 * `isEach`: each RCPT has a reply of its own (LMTP).
 */
export function roomAsked(
  message: NewMessage,
  { recipients, accounts, rcpts }: QueueRecipients,
  { quota, isEach }: { readonly quota: Quota; readonly isEach: boolean },
): RoomAsked | undefined {
  if (accounts.every((account) => account === undefined)) return undefined;
  const needs = accounts.map((account, i) => {
    if (account === undefined) return undefined;
    const fields = finalFields(message, recipients[i]!.address);
    return { account, bytes: Buffer.byteLength(fields) + storedSize(message.content) };
  });
  return { quota, needs, replies: isEach ? rcpts : [[...recipients.keys()]] };
}
