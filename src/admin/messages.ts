// Operations on what happened: messages that came in, wherever they are now, and what clients were refused. The
// story of one message is `why`, in queue.ts.

import { z } from 'zod';
import type { MessageFound, RefusalFound } from '../store/history-search.ts';
import { messageStates } from '../store/history-search.ts';
import { between, isoDate, next, paged, pageSize, sought, timesOf } from './asking.ts';
import { count, OperationError, text, texts, value } from './operation.ts';
import type { OperationParts } from './operation-parts.ts';

const direction = z.enum(['inbound', 'outbound', 'own']);

const message = z.object({
  id: text,
  received: text,
  /** Null: the null reverse-path. */
  sender: text,
  /** The first of them. */
  recipients: texts,
  recipientCount: count,
  size: count,
  messageId: z.string().nullable(),
  /** `smtp`, `submission`, `lmtp`, `http`; `queue` for our own. */
  service: text,
  client: z.string().nullable(),
  account: z.string().nullable(),
  direction,
  state: z.enum(messageStates),
  /** What was said of it last, and when. */
  lastReply: z.string().nullable(),
  lastEvent: text,
});

const refusal = z.object({
  at: text,
  /** Null where it came to none. */
  session: z.string().nullable(),
  service: z.string().nullable(),
  client: text,
  hello: z.string().nullable(),
  sender: z.string().nullable(),
  recipient: z.string().nullable(),
  recipientCount: count,
  messageId: z.string().nullable(),
  account: z.string().nullable(),
  stage: text,
  reply: z.string().nullable(),
  reason: text,
  findings: texts,
});

/** An address, or `@example.org` for all of a domain. */
const addresses = { sender: sought.optional(), recipient: sought.optional() };
const page = { next, upToDate: z.boolean() };

export const messageOperations = {
  messageSearch: value({
    about:
      'Messages that came in, newest first: where they are now and what was said of them last. `upToDate` is false while the newest are still being looked through.',
    changes: false,
    input: z.strictObject({
      ...addresses,
      /** Words, or beginnings of words, of the id, addresses, Message-ID, client and replies. */
      text: sought.optional(),
      state: z.enum(messageStates).optional(),
      direction: direction.optional(),
      /** Its address. */
      client: sought.optional(),
      account: sought.optional(),
      ...between,
      ...paged,
    }),
    output: z.object({ messages: z.array(message).readonly(), ...page }),
    run: async ({ search }, asked) => {
      const { items, ...found } = await known(search).messages({
        ...asked,
        ...timesOf(asked),
        limit: pageSize(asked),
      });
      return { ...found, messages: items.map(asMessage) };
    },
  }),
  refusalSearch: value({
    about: 'What clients were refused, newest first.',
    changes: false,
    input: z.strictObject({
      ...addresses,
      text: sought.optional(),
      client: sought.optional(),
      account: sought.optional(),
      /** `connect`, `helo`, `mail`, `rcpt`, `data`, `content`, `auth`, `login`, … */
      stage: sought.optional(),
      ...between,
      ...paged,
    }),
    output: z.object({ refusals: z.array(refusal).readonly(), ...page }),
    run: async ({ search }, asked) => {
      const { items, ...found } = await known(search).refusals({
        ...asked,
        ...timesOf(asked),
        limit: pageSize(asked),
      });
      return { ...found, refusals: items.map(asRefusal) };
    },
  }),
};

function known(search: OperationParts['search']): NonNullable<OperationParts['search']> {
  if (search === undefined) throw new OperationError('there is no history to search here');
  return search;
}

const asMessage = (found: MessageFound): z.infer<typeof message> => ({
  ...found,
  received: isoDate(found.received),
  lastEvent: isoDate(found.lastEvent),
  messageId: found.messageId ?? null,
  client: found.client ?? null,
  account: found.account ?? null,
  lastReply: found.lastReply ?? null,
});

const asRefusal = (found: RefusalFound): z.infer<typeof refusal> => ({
  ...found,
  at: isoDate(found.at),
  session: found.session ?? null,
  service: found.service ?? null,
  hello: found.hello ?? null,
  sender: found.sender ?? null,
  recipient: found.recipient ?? null,
  messageId: found.messageId ?? null,
  account: found.account ?? null,
  reply: found.reply ?? null,
});
