// Measures what a developer waits for: lists and searches of `postrider dev` with many messages in one inbox.
// `node scripts/measure-catcher.ts DIRECTORY [MESSAGES]` fills the directory, if it is not there, with so many (100,000), and
// asks by HTTP, as the page does and as programs written for Mailpit do: median, most, first, processor time of one.

import { existsSync } from 'node:fs';
import { silentLog } from '../src/base/log.ts';
import { startServer } from '../src/compose/server.ts';
import { devConfig } from '../src/config/dev.ts';

const [directory, countText = '100000'] = process.argv.slice(2);
if (directory === undefined) {
  console.error('usage: node scripts/measure-catcher.ts DIRECTORY [MESSAGES]');
  process.exit(2);
}
const count = Number(countText);
const rounds = 9;
const atOnce = 2000;
const address = 'everybody@example.org';
const isFilled = existsSync(directory);

const config = devConfig(process.cwd(), {
  ...{ freePorts: true, dataDirectory: directory, catcher: { messagesMax: 2 * count } },
});
await using server = await startServer({ config, log: silentLog });
const url = `http://127.0.0.1:${server.listeners.find((one) => one.service === 'http')!.port}`;

const words = ['order', 'invoice', 'welcome', 'password', 'newsletter', 'reminder', 'receipt'];
const messageOf = (n: number): string =>
  [
    `From x\r\nFrom: App ${n % 50} <app${n % 50}@shop.example>\r\nTo: user${n % 5000}@example.org`,
    `Subject: Your ${words[n % words.length]} number ${n}\r\nDate: Mon, 30 Nov 2026 08:00:00 +0000`,
    `Message-ID: <${n}@shop.example>\r\n\r\nDear user ${n % 5000},\r\n`,
    `${`Your ${words[(n * 3) % words.length]} of day ${n % 365} is on its way.\r\n`.repeat(8)}\r\n`,
  ].join('\r\n');

async function answered(path: string, init: RequestInit = {}): Promise<string> {
  const answer = await fetch(url + path, init);
  const body = await answer.text();
  if (!answer.ok) throw new Error(`${path} → ${answer.status} ${body}`);
  return body;
}

if (!isFilled)
  for (let n = 0; n < count; n += atOnce) {
    const body = Array.from({ length: Math.min(atOnce, count - n) }, (_, i) => messageOf(n + i));
    const path = `/postrider/v1/mailImport?address=${encodeURIComponent(address)}`;
    const headers = { 'content-type': 'message/rfc822' };
    await answered(path, { method: 'POST', headers, body: body.join('') });
  }

const posted = (name: string, input: object) =>
  answered(`/postrider/v1/${name}`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
    body: JSON.stringify(input),
  });
const asPage = (input: object) => ({
  name: `mailSearch ${JSON.stringify(input)}`,
  ask: () => posted('mailSearch', input),
});
const asProgram = (path: string) => ({ name: path, ask: () => answered(path) });

const questions = [
  asPage({ address }),
  asPage({}),
  asPage({ address, query: 'invoice' }),
  asPage({ address, query: 'number 77777' }),
  asPage({ address, query: 'subject:welcome from:app7@shop.example' }),
  asPage({ query: 'to:user77@example.org' }),
  asPage({ query: 'nowhere' }),
  asPage({ query: 'is:unread' }),
  { name: 'mailInboxes', ask: () => posted('mailInboxes', {}) },
  asProgram('/api/v1/messages?limit=50'),
  asProgram('/api/v1/messages?limit=50&start=50000'),
  asProgram('/api/v1/search?query=invoice'),
  asProgram('/api/v1/search?query=subject:%22number+77777%22'),
  asProgram('/api/v1/search?query=nowhere'),
];
for (const { name, ask } of questions) {
  const times: number[] = [];
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round += 1) {
    const begun = performance.now();
    await ask();
    times.push(performance.now() - begun);
  }
  // Of all threads, ours that ask among them.
  const { user, system } = process.cpuUsage(before);
  const first = times[0]!;
  times.sort((a, b) => a - b);
  const [median, most] = [times[Math.floor(rounds / 2)]!, times.at(-1)!];
  const told = [median, most, first, (user + system) / 1000 / rounds];
  console.log(told.map((ms) => `${ms.toFixed(0).padStart(5)} ms`).join(' '), name);
}
