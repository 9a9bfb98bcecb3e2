// Measures what an operator waits for: the pages of the console with much in the queue and much behind it.
// `node scripts/measure-console.ts DIRECTORY [QUEUED [HISTORY]]` fills the directory, if it is not there, with so many queued
// messages (100,000) and messages that have left (1,000,000, which takes minutes and a gigabyte), and asks by HTTP.

import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../src/base/clock.ts';
import { silentLog } from '../src/base/log.ts';
import { startServer } from '../src/compose/server.ts';
import { resolveConfig } from '../src/config/resolve.ts';
import { messageIdText } from '../src/queue/message-id.ts';
import { FileHistory } from '../src/store/files/history.ts';
import type { HistoryEvent } from '../src/store/history.ts';
import { messageKey, messageKeyAt } from '../src/store/message-key.ts';
import { openDatabase } from '../src/store/sqlite/database.ts';

const [directory, queuedText = '100000', historyText = '1000000'] = process.argv.slice(2);
if (directory === undefined) {
  console.error('usage: node scripts/measure-console.ts DIRECTORY [QUEUED [HISTORY]]');
  process.exit(2);
}
const minuteMs = 60_000;
const destinations = 2000;
const rounds = 9;

/** Always the same ones. */
let seed = 7;
const chance = (below: number): number => {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed % below;
};

/** Few are very many. */
const domainOf = (n: number): string => `host${Math.floor(n ** 2 / destinations)}.example.net`;
const words = ['try again later', 'greylisted', 'mailbox full', 'too many connections', 'busy'];
const replyOf = (i: number): string => {
  const word = words[i % words.length];
  // Field: many name the session or the message in what they say.
  const line = i % 10 === 1 ? `${word} [${i.toString(36)}.q${i % 97}]` : `${word}, policy ${i % 7}`;
  return JSON.stringify({ code: 451, status: '4.7.1', lines: [line] });
};

async function fillQueue(count: number): Promise<void> {
  const database = openDatabase({ path: join(directory!, 'postrider.db') });
  const message = database.prepare(`INSERT INTO message
    (key, id, received, sender, params, origin, message_id, prefix, size, content, bytes)
    VALUES (?, ?, ?, ?, '', ?, ?, ?, ?, NULL, ?)`);
  const recipient = database.prepare(`INSERT INTO recipient
    (message, idx, address, params, delivery, destination, due, held, attempts, reply)
    VALUES (?, ?, ?, '', 'relay', ?, ?, ?, ?, ?)`);
  const origin = JSON.stringify({ session: 'x', service: 'submission', protocol: 'ESMTPSA' });
  const prefix = `Received: ${'from client.example by mx.example.org with ESMTPSA; '.repeat(6)}\r\n`;
  const bytes = Buffer.alloc(2000, 'x');
  const now = Date.now();
  database.exec('BEGIN');
  for (let i = 0; i < count; i += 1) {
    const received = now - (count - i) * 500;
    const id = messageIdText(messageKeyAt(received) + (i % 1000));
    const key = messageKey(id);
    const sender = `user${i % 500}@example.org`;
    message.run(key, id, received, sender, origin, `<${i}@example.org>`, prefix, 2400, bytes);
    const recipients = i % 10 === 0 ? 3 : 1;
    for (let idx = 0; idx < recipients; idx += 1) {
      const domain = domainOf(chance(destinations));
      const isNew = i % 5 === 3;
      recipient.run(
        ...([key, idx, `someone${i}@${domain}`, `mx:${domain}`] as const),
        ...([now + 60 * minuteMs + i, i % 50 === 0 ? 1 : 0, isNew ? 0 : 1 + (i % 4)] as const),
        isNew ? null : replyOf(i),
      );
    }
  }
  database.exec('COMMIT');
  database.close();
}

async function fillHistory(count: number): Promise<void> {
  const clock = systemClock();
  await using history = new FileHistory({
    ...{ directory: join(directory!, 'history'), clock, log: silentLog, bytesMax: 8 * 2 ** 30 },
  });
  const now = Date.now() - 24 * 60 * minuteMs;
  for (let i = 0; i < count; i += 1) {
    const at = now - (count - i) * 100;
    const id = messageIdText(messageKeyAt(at) + (i % 1000));
    const domain = domainOf(chance(destinations));
    const address = `reader${chance(200_000)}@${domain}`;
    const client = `192.0.2.${i % 250}`;
    const origin = { session: `s${i}`, service: 'smtp', protocol: 'ESMTPS', clientAddress: client };
    const result = i % 40 === 0 ? 'failed' : 'relayed';
    const reply = result === 'failed' ? '550 5.1.1 No such user' : `250 2.0.0 Ok: queued as ${i}`;
    const events: readonly HistoryEvent[] = [
      {
        ...{ kind: 'received', id, at, sender: `user${i % 5000}@news${i % 300}.example.org` },
        ...{ recipients: [address], recipientCount: 1, size: 4000 + (i % 999), origin },
        messageId: `<${i}.campaign${i % 900}@example.org>`,
      },
      {
        ...{ kind: 'attempt', id, at: at + 300, destination: `mx:${domain}`, durationMs: 212 },
        results: [{ address, attempt: 1, result, reply, host: `mx.${domain} [192.0.2.9]:25` }],
      },
    ];
    for (const event of events) history.record(event);
    if (i % 5000 === 0) await history.flush();
  }
}

if (!existsSync(directory)) {
  await mkdir(directory, { recursive: true });
  try {
    await fillQueue(Number(queuedText));
    await fillHistory(Number(historyText));
  } catch (error) {
    await rm(directory, { recursive: true });
    throw error;
  }
}

const resolution = resolveConfig(
  {
    hostname: 'mx.example.org',
    dataDirectory: directory,
    domains: ['example.org'],
    history: { size: 8 * 2 ** 30 },
    dane: { verify: false },
    listeners: [{ service: 'http', host: '127.0.0.1', port: 0 }],
  },
  process.cwd(),
);
if (resolution.kind !== 'ok') throw new Error(JSON.stringify(resolution.problems));
const { config } = resolution;
const error = (...told: readonly unknown[]) => console.error(...told);
await using server = await startServer({ config, log: { ...silentLog, error } });
const { operations, listeners } = server;
const { token } = await operations.tokenCreate({ name: `measure-${Date.now()}`, allows: ['all'] });
const url = `http://127.0.0.1:${listeners[0]!.port}/postrider/v1`;

async function ask(name: string, input: object): Promise<unknown> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${url}/${name}`, {
    ...{ method: 'POST', headers, body: JSON.stringify(input) },
  });
  const body: unknown = await answer.json();
  if (!answer.ok) throw new Error(`${name} → ${answer.status} ${JSON.stringify(body)}`);
  return body;
}

// The index of the history is made first.
for (;;) {
  const { upToDate } = (await ask('messageSearch', {})) as { readonly upToDate: boolean };
  if (upToDate) break;
  await pause(500);
}

const busiest = `mx:${domainOf(0)}`;
const questions: readonly (readonly [string, object])[] = [
  ['queueCount', {}],
  ['queueCount', { state: 'deferred' }],
  ['queueCount', { destination: busiest }],
  ['queueCount', { recipient: `@${domainOf(0)}` }],
  ['queueCount', { sender: 'user7@example.org' }],
  ['queueCount', { text: 'greylisted' }],
  ['queueCount', { text: 'nowhere' }],
  ['queueSearch', {}],
  ['queueSearch', { state: 'held' }],
  ['queueSearch', { destination: `mx:${domainOf(destinations - 1)}` }],
  ['queueSearch', { text: 'greylisted' }],
  ['queueSearch', { text: 'nowhere' }],
  ['destinationList', {}],
  ['destinationList', { text: 'host19' }],
  ['statistics', { period: 'hour' }],
  ['statistics', { period: 'quarter' }],
  ['sessionList', {}],
  ['messageSearch', {}],
  ['messageSearch', { sender: 'user77@news77.example.org' }],
  ['messageSearch', { recipient: `@${domainOf(0)}`, state: 'bounced' }],
  ['messageSearch', { text: 'campaign77' }],
  ['messageSearch', { text: 'campaign7' }],
  ['messageSearch', { text: 'reader1777' }],
  ['messageSearch', { text: 'reader17' }],
  ['messageSearch', { text: 'example' }],
  ['messageSearch', { text: 'nowhere' }],
];
for (const [name, input] of questions) {
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const begun = performance.now();
    await ask(name, input);
    times.push(performance.now() - begun);
  }
  const first = times[0]!;
  times.sort((a, b) => a - b);
  const [median, most] = [times[Math.floor(rounds / 2)]!, times.at(-1)!];
  console.log(
    [median, most, first].map((ms) => `${ms.toFixed(0).padStart(5)} ms`).join(' '),
    `${name} ${JSON.stringify(input)}`,
  );
}
