// Mail for several nodes at a measured pace: clients that go to the next node when one is away, and the next hop that takes
// what is not for a mailbox here.

import { connect } from 'node:net';
import type { Client, NextHop } from '../scenarios/wire.ts';
import { connectClient, startNextHop } from '../scenarios/wire.ts';
import type { Ledger } from './ledger.ts';

export const mailboxHere = 'ann@example.org';

export interface LoadOptions {
  readonly ledger: Ledger;
  /** Where the nodes take mail. */
  readonly doors: readonly Door[];
  /** Messages a second, of all clients together. */
  readonly rate: number;
  readonly clients: number;
}

export interface Door {
  readonly host: string;
  readonly port: number;
}

export interface Load {
  /** Resolves when no client is at it any more. */
  stop(): Promise<void>;
}

/** The next hop of all that is not for mailboxes here; who brings it is known by the first label of its name. */
export function startSink(ledger: () => Ledger, host = '127.0.0.1'): Promise<NextHop> {
  return startNextHop(undefined, {
    host,
    onTaken: (text, client) => ledger().arrived(idOf(text) ?? '?', client.split('.', 1)[0]!),
  });
}

export const idOf = (text: string): string | undefined => /X-Id: (m\d+);/.exec(text)?.[1];

export function startLoad({ ledger, doors, rate, clients }: LoadOptions): Load {
  let isOver = false;
  const paceMs = (1000 * clients) / rate;
  const one = async (number: number): Promise<void> => {
    for (let at = number; !isOver; at += 1) {
      await session(doors[at % doors.length]!, { ledger, paceMs, isOver: () => isOver });
      await pause(50);
    }
  };
  const running = Array.from({ length: clients }, (_, i) => one(i));
  return {
    async stop() {
      isOver = true;
      await Promise.all(running);
    },
  };
}

interface SessionParts {
  readonly ledger: Ledger;
  readonly paceMs: number;
  readonly isOver: () => boolean;
}

/** One connection, until it is cut off or told to come later. */
async function session(
  { host, port }: Door,
  { ledger, paceMs, isOver }: SessionParts,
): Promise<void> {
  let client: Client | undefined;
  try {
    client = await connectClient(port, connect(port, host));
    await client.say('EHLO client.test\r\n');
    while (!isOver()) {
      const began = performance.now();
      if (!(await sendOne(client, ledger))) break;
      await pause(began + paceMs - performance.now());
    }
  } catch {
    // Cut off: whatever had its 250 by then counts.
  }
  client?.close();
}

/** False when the node has no time for us. */
async function sendOne(client: Client, ledger: Ledger): Promise<boolean> {
  const number = Math.floor(Math.random() * 1000);
  const local = number % 5 === 0;
  const id = ledger.begin(local);
  const to = local ? mailboxHere : `bob@d${number % 7}.test`;
  for (const line of ['MAIL FROM:<carol@far.test>', `RCPT TO:<${to}>`, 'DATA']) {
    const reply = await client.say(`${line}\r\n`);
    if (/^[23]/.test(reply)) continue;
    ledger.answered(id, reply);
    return false;
  }
  // Some are large enough to be kept in pieces.
  const filler = number === 1 ? `${'y'.repeat(70)}\r\n`.repeat(3_000) : 'short';
  const reply = await client.say(`Subject: ${id}\r\nX-Id: ${id};\r\n\r\n${filler}\r\n.\r\n`);
  ledger.answered(id, reply);
  return reply.startsWith('250');
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
