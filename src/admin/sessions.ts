// Operations on connections that are open now.

import { z } from 'zod';
import { isoDate, sought } from './asking.ts';
import { count, list, OperationError, text, value } from './operation.ts';
import { running } from './running.ts';

const session = z.object({
  id: text,
  /** `smtp`, `submission`, `lmtp`, `imap`, `pop3`, `http`, `mtqp`. */
  service: text,
  /** '' on a Unix socket. */
  client: text,
  since: text,
  secure: z.boolean(),
  /** Who has logged in. */
  account: z.string().nullable(),
  /** What it is at: of SMTP the phase, of IMAP and POP3 the state. */
  phase: z.string().nullable(),
  bytesIn: count,
  bytesOut: count,
});

export const sessionOperations = {
  sessionList: list({
    about: 'Connections that are open now, the oldest first.',
    changes: false,
    input: z.strictObject({
      service: sought.optional(),
      client: sought.optional(),
      account: sought.optional(),
    }),
    output: session,
    run: async function* sessions(parts, { service, client, account }) {
      for (const one of running(parts).sessions.list()) {
        if (service !== undefined && one.service !== service) continue;
        if (client !== undefined && one.client !== client) continue;
        if (account !== undefined && one.account !== account) continue;
        yield {
          ...one,
          since: isoDate(one.since),
          account: one.account ?? null,
          phase: one.phase ?? null,
        };
      }
    },
  }),
  sessionEnd: value({
    about: 'Drops a connection.',
    changes: true,
    input: z.strictObject({ id: text }),
    output: z.null(),
    run: async (parts, { id }) => {
      if (!running(parts).sessions.end(id))
        throw new OperationError(`there is no session ${id} any more`);
      return null;
    },
  }),
};
