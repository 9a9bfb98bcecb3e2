// Asks any server of Exchange ActiveSync as a phone does, but for reading what it gets: what is measured is the server.
// `node scripts/bench/activesync.ts URL USER PASSWORD PIDS first[:WINDOWS]|same[:TIMES] [VERSION]`, where URL is what
// `/Microsoft-Server-ActiveSync` stands behind and PIDS are the processes whose time is counted, with commas. first: the
// INBOX as it is, in windows of 100, plain bodies, compressed where the server does. same: Syncs without changes. A server
// that ends each connection, and one that has no Provision, is asked as it wants.

import { readdirSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { Phone } from '../../test/activesync/phone.ts';
import { at, childrenOf, read, text, write } from '../../test/activesync/wire.ts';

const [url = '', user = '', password = '', pids = '', wanted = 'first', version = '14.1'] =
  process.argv.slice(2);
const [what, count] = wanted.split(':');
const phone = new Phone({ url, user, password, version, id: `bench${Date.now()}` });
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** Milliseconds of processor time of all threads so far. */
function spent(): number {
  let ms = 0;
  for (const pid of pids.split(','))
    for (const thread of readdirSync(`/proc/${pid}/task`))
      ms +=
        Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  return ms;
}

/** Undefined where the server has closed the connection that was to be used again. */
function once(body: Buffer): Promise<Buffer | undefined> {
  const headers = {
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
    'content-type': 'application/vnd.ms-sync.wbxml',
    'ms-asprotocolversion': version,
    'x-ms-policykey': phone.policyKey,
    'accept-encoding': 'gzip',
    'content-length': body.length,
  };
  const query = `Cmd=Sync&User=${encodeURIComponent(user)}&DeviceId=${phone.options.id}&DeviceType=TestPhone`;
  return new Promise((resolve, reject) => {
    const asked = request(`${phone.url}?${query}`, { method: 'POST', agent, headers }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('end', () => {
        const octets = Buffer.concat(pieces);
        if (answer.statusCode !== 200) reject(new Error(`${answer.statusCode}: ${octets}`));
        else resolve(answer.headers['content-encoding'] === 'gzip' ? gunzipSync(octets) : octets);
      });
    });
    asked.on('error', (error) => (asked.reusedSocket ? resolve(undefined) : reject(error)));
    asked.end(body);
  });
}

async function ask(body: Buffer): Promise<Buffer> {
  for (;;) {
    const answer = await once(body);
    if (answer !== undefined) return answer;
  }
}

const inbox = await setUp();

async function setUp(): Promise<string> {
  await phone.provision().catch(() => {});
  await phone.folderSync();
  const id = phone.folder('2');
  phone.take((await phone.ask('Sync', phone.request(id))).doc!);
  return id;
}

const next = (window: number): Buffer =>
  write(
    phone.request(inbox, [
      ['AirSync:GetChanges', '1'],
      ['AirSync:WindowSize', String(window)],
    ]),
  );

/** The first text after the tag of SyncKey: what else there is, is not read. */
function remember(answer: Buffer): void {
  const start = answer.indexOf('K\x03', 0, 'latin1') + 2;
  phone.keys.set(inbox, answer.toString('latin1', start, answer.indexOf(0, start)));
}

async function first(windows: number): Promise<void> {
  const answers: Buffer[] = [];
  const [before, began] = [spent(), performance.now()];
  while (answers.length < windows) {
    const answer = await ask(next(100));
    if (answer.length === 0) break;
    answers.push(answer);
    remember(answer);
  }
  const seconds = (performance.now() - began) / 1000;
  const each = spent() - before;
  const path = ['AirSync:Collections', 'AirSync:Collection', 'AirSync:Commands'];
  const messages = answers
    .flatMap((answer) => childrenOf(at(read(answer), ...path)))
    .filter((told) => text(told, 'AirSync:ApplicationData', 'AirSyncBase:Body')).length;
  process.stdout.write(
    `first: ${messages} messages in ${seconds.toFixed(2)} s, ${Math.round(messages / seconds)}/s, ${(each / messages).toFixed(3)} ms of processor time each\n`,
  );
}

async function same(times: number): Promise<void> {
  for (let answer = await ask(next(512)); answer.length > 0; answer = await ask(next(512)))
    remember(answer);
  // Who asks the very same so often is slowed.
  const nth = (i: number) => next(1 + (i % 512));
  for (let i = 0; i < times / 5; i += 1) await ask(nth(i));
  const took: number[] = [];
  const before = spent();
  for (let i = 0; i < times; i += 1) {
    const began = performance.now();
    if ((await ask(nth(i))).length > 0) throw new Error('something has changed');
    took.push(performance.now() - began);
  }
  const each = ((spent() - before) / times).toFixed(3);
  took.sort((one, other) => one - other);
  const of = (part: number) => took[Math.floor(times * part)]!.toFixed(2);
  process.stdout.write(
    `same: fastest ${of(0)} ms, median ${of(0.5)} ms, ${each} ms of processor time each\n`,
  );
}

if (what === 'same') await same(Number(count ?? 500));
else await first(Number(count ?? 10_000));
agent.destroy();
