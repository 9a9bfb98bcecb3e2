// Measures what the benchmark of retrieval leaves out, on any IMAP server on loopback that takes
// LOGIN in the clear: `node scripts/measure-imap.ts PORT USER PASSWORD [resync|append]…`.
// resync: QRESYNC after 1,000 flag changes and 100 expunges in the INBOX as it is (fill it before).
// append: 50 connections append messages of 1 MiB to the INBOX, 200 in all. RFC 7162, RFC 9051.

import { connect } from 'node:net';

class Client {
  readonly #socket;
  #buffer: Buffer = Buffer.alloc(0);
  #wake: (() => void) | undefined;
  #tags = 0;

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (bytes: Buffer) => {
      this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes]);
      this.#wake?.();
    });
  }

  /** All lines up to and with the one that begins with `prefix`; knows nothing of literals. */
  async until(prefix: string): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      let from = 0;
      for (;;) {
        const end = this.#buffer.indexOf('\r\n', from);
        if (end < 0) break;
        const line = this.#buffer.toString('latin1', from, end);
        lines.push(line);
        from = end + 2;
        if (!line.startsWith(prefix)) continue;
        this.#buffer = this.#buffer.subarray(from);
        return lines;
      }
      this.#buffer = this.#buffer.subarray(from);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async ask(command: string): Promise<string[]> {
    this.#tags += 1;
    this.#socket.write(`t${this.#tags} ${command}\r\n`);
    const lines = await this.until(`t${this.#tags} `);
    const last = lines.at(-1) ?? '';
    if (!last.includes(' OK ')) throw new Error(`${command.slice(0, 60)} → ${last}`);
    return lines;
  }

  async append(message: Buffer): Promise<void> {
    this.#tags += 1;
    this.#socket.write(`t${this.#tags} APPEND INBOX {${message.length}}\r\n`);
    await this.until('+');
    this.#socket.write(message);
    this.#socket.write('\r\n');
    await this.until(`t${this.#tags} OK`);
  }

  end(): void {
    this.#socket.destroy();
  }
}

async function open(): Promise<Client> {
  const client = new Client(Number(port));
  await client.until('* OK');
  await client.ask(`LOGIN "${user}" "${password}"`);
  return client;
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

const numberIn = (lines: readonly string[], pattern: RegExp): number =>
  Number(lines.map((line) => pattern.exec(line)?.[1]).find((found) => found !== undefined));

async function resync(): Promise<void> {
  const client = await open();
  await client.ask('ENABLE QRESYNC');
  const before = await client.ask('SELECT INBOX');
  const exists = numberIn(before, /^\* (\d+) EXISTS/);
  const modseq = numberIn(before, /HIGHESTMODSEQ (\d+)/);
  const validity = numberIn(before, /UIDVALIDITY (\d+)/);
  const step = Math.max(1, Math.floor(exists / 1000));
  for (let at = 1; at + 99 * step <= exists; at += 100 * step) {
    const numbers = Array.from({ length: 100 }, (_, i) => at + i * step);
    await client.ask(`STORE ${numbers} +FLAGS.SILENT (\\Flagged)`);
  }
  await client.ask('STORE 1:100 +FLAGS.SILENT (\\Deleted)');
  await client.ask('EXPUNGE');
  client.end();
  const times: number[] = [];
  let lines = 0;
  for (let round = 0; round < 7; round += 1) {
    const started = performance.now();
    const again = await open();
    await again.ask('ENABLE QRESYNC');
    lines = (await again.ask(`SELECT INBOX (QRESYNC (${validity} ${modseq}))`)).length;
    times.push(performance.now() - started);
    again.end();
  }
  const [first = 0, ...warm] = times;
  console.log(
    `resync of ${exists} messages after about 1,100 changes: first ${first.toFixed(1)} ms, ` +
      `warm ${median(warm).toFixed(1)} ms, ${lines} lines`,
  );
}

async function append(): Promise<void> {
  const line = `${'x'.repeat(76)}\r\n`;
  const message = Buffer.from(`Subject: large\r\n\r\n${line.repeat(13_443)}`);
  const clients = await Promise.all(Array.from({ length: 50 }, open));
  let left = 200;
  const started = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      while (left > 0) {
        left -= 1;
        await client.append(message);
      }
    }),
  );
  const perSecond = 200_000 / (performance.now() - started);
  for (const client of clients) client.end();
  console.log(`APPEND of 1 MiB by 50 connections: ${perSecond.toFixed(1)}/s`);
}

const [port, user, password, ...wanted] = process.argv.slice(2);
if (password === undefined) {
  console.error('usage: node scripts/measure-imap.ts PORT USER PASSWORD [resync|append]…');
  process.exit(2);
}
if (wanted.length === 0 || wanted.includes('resync')) await resync();
if (wanted.length === 0 || wanted.includes('append')) await append();
