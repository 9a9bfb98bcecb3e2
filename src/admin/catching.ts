// Operations of the catcher (`postrider dev`): how a program reads an inbox, and letting a caught message go.

import { z } from 'zod';
import { ReleaseError, releaseCaught, releasedMax } from '../inbox/release.ts';
import type { CatcherDesk } from './desks.ts';
import { count, done, OperationError, text, value } from './operation.ts';
import type { OperationParts } from './operation-parts.ts';
import { messageOf } from './reading.ts';

const access = z.object({
  /** Where messages may be released to; null: nowhere. */
  relay: z.string().nullable(),
  user: text,
  /** Null: any is right. */
  password: z.string().nullable(),
  servers: z
    .array(
      z.object({
        service: z.enum(['imap', 'pop3']),
        host: text,
        port: count,
        tls: z.enum(['none', 'starttls', 'implicit']),
      }),
    )
    .readonly(),
});

export const catcherOperations = {
  mailAccess: value({
    about:
      'How a program reads an inbox of `dev`: by which servers, as which user, with which password; and where messages may be released to.',
    // Whoever may only look is told no password.
    changes: true,
    input: z.strictObject({ address: text }),
    output: access,
    run: async ({ server }, { address }) => {
      const { relay, passwordOf } = catcherOf(server);
      const servers = (server?.listening() ?? []).flatMap(({ service, host, port, tls }) =>
        service === 'imap' || service === 'pop3' ? [{ service, host, port, tls } as const] : [],
      );
      return {
        ...{ user: address, password: passwordOf(address) ?? null, relay: relay ?? null },
        servers,
      };
    },
  }),
  mailRelease: value({
    about:
      'Sends a caught message to real addresses, through the relay that `dev --relay` names; without one nothing leaves.',
    changes: true,
    input: z.strictObject({
      ...{ address: text, id: text },
      to: z.array(text).min(1).max(releasedMax).readonly(),
    }),
    output: done,
    run: releaseMail,
  }),
};

function catcherOf(server: OperationParts['server']): CatcherDesk {
  if (server?.catcher === undefined) throw new OperationError('this is for `postrider dev` only');
  return server.catcher;
}

async function releaseMail(
  parts: Pick<OperationParts, 'folders' | 'accountOf' | 'server'>,
  {
    address,
    id,
    to,
  }: { readonly address: string; readonly id: string; readonly to: readonly string[] },
): Promise<null> {
  try {
    await releaseCaught(
      catcherOf(parts.server),
      to,
      async () => (await messageOf(parts, address, id)).octets,
    );
  } catch (error) {
    if (error instanceof ReleaseError) throw new OperationError(error.message);
    throw error;
  }
  return null;
}
