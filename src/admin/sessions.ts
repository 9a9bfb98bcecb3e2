// Operations on connections that are open now, at whichever node.

import { z } from 'zod';
import { isoDate, sought } from './asking.ts';
import { silent, silentText, understood } from './node-answers.ts';
import { count, OperationError, text, value } from './operation.ts';
import type { RunningParts } from './operation-parts.ts';
import { running } from './running.ts';

const session = z.object({
  id: text,
  /** The node that it is connected to; null: there is one server. */
  node: z.string().nullable(),
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

type Session = z.output<typeof session>;

export const sessionOperations = {
  sessionList: value({
    about:
      'Connections that are open now, at all nodes, the oldest first; `silent` are nodes that did not say.',
    changes: false,
    input: z.strictObject({
      service: sought.optional(),
      client: sought.optional(),
      account: sought.optional(),
    }),
    output: z.object({ sessions: z.array(session).readonly(), silent }),
    run: async (parts, { service, client, account }) => {
      const { sessions, others } = running(parts);
      const theirs = understood(await others.ask('sessions', null), z.array(session));
      const fits = (one: Session) =>
        (service === undefined || one.service === service) &&
        (client === undefined || one.client === client) &&
        (account === undefined || one.account === account);
      const own = parts.nodes.name === '' ? null : parts.nodes.name;
      const all = [
        ...sessionsOf(sessions).map((one) => ({ ...one, node: own })),
        ...theirs.answers.flatMap(({ node, said }) => said.map((one) => ({ ...one, node }))),
      ];
      return {
        sessions: all.filter(fits).sort((a, b) => (a.since < b.since ? -1 : 1)),
        silent: theirs.silent,
      };
    },
  }),
  sessionEnd: value({
    about: 'Drops a connection, at whichever node.',
    changes: true,
    input: z.strictObject({ id: text }),
    output: z.null(),
    run: async (parts, { id }) => {
      const { sessions, others } = running(parts);
      if (sessions.end(id)) return null;
      const theirs = await others.ask('session-end', id);
      if (theirs.answers.some(({ said }) => said === true)) return null;
      throw new OperationError(
        `there is no session ${id} any more${silentText(theirs.silent, ', unless it is at')}`,
      );
    },
  }),
};

/** Of one node, as it tells the others. */
export const sessionsOf = (desk: RunningParts['sessions']): readonly Session[] =>
  desk.list().map((one) => ({
    ...{ ...one, node: null, since: isoDate(one.since) },
    ...{ account: one.account ?? null, phase: one.phase ?? null },
  }));
