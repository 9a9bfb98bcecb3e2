// Clients of the simulation: they speak SMTP by themselves, so that our client is not judged by our
// client. They pipeline, send chunks, break off in the middle, send what must be refused, and tell
// the ledger what they sent and what they were told.

import type { Random } from '../../src/base/random.ts';
import { alias, homeDomain } from './home.ts';
import { minute, remoteDomains, senderDomain } from './hosts.ts';
import type { Ledger, Mail } from './ledger.ts';
import type { End } from './network.ts';

export interface ClientParts {
  readonly end: End;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly token: () => string;
  readonly mayHangUp: boolean;
}

interface Plan {
  readonly mail: Mail;
  /** As RCPT names them, each with the addresses it stands for. */
  readonly named: readonly (readonly [string, readonly string[]])[];
  readonly params: string;
  readonly rcptParams: string;
}

/** The connection is gone, or the server had enough. */
class Gone extends Error {}

/** One connection, some messages. Never rejects. */
export async function runClient(parts: ClientParts): Promise<void> {
  const { end } = parts;
  try {
    await new Client(parts).run();
  } catch {
    // Its connection is gone, and the ledger knows how far it came.
  }
  end.destroy();
}

class Client {
  readonly #parts: ClientParts;
  #text = '';
  /** The server may still believe that a transaction is open. */
  #leftOpen = false;
  #end: End;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#end = parts.end;
  }

  async run(): Promise<void> {
    await this.#expect(220);
    const keywords = await this.#command('EHLO client.example', 250);
    if (keywords.includes('STARTTLS') && this.#happens(0.5)) {
      await this.#command('STARTTLS', 220);
      this.#end = await this.#end.startTls(minute);
      await this.#command('EHLO client.example', 250);
    }
    const messages = 1 + this.#below(3);
    for (let i = 0; i < messages; i += 1) {
      const plan = this.#plan();
      if (this.#happens(0.3)) await this.#byChunks(plan);
      else if (this.#happens(0.5)) await this.#pipelined(plan);
      else await this.#inLockstep(plan);
      if (this.#leftOpen || this.#happens(0.1)) await this.#command('RSET', 250);
      this.#leftOpen = false;
    }
    await this.#command('QUIT', 221);
  }

  async #inLockstep(plan: Plan): Promise<void> {
    const { mail } = plan;
    if (!isGood(await this.#command(mailLine(plan)))) return this.#notTaken(mail);
    let accepted = 0;
    for (const [address, targets] of plan.named) {
      const taken = isGood(await this.#command(rcptLine(plan, address)));
      this.#answeredRcpt(mail, targets, taken);
      if (taken) accepted += 1;
    }
    if (accepted === 0) return this.#notTaken(mail);
    if (!(await this.#command('DATA')).startsWith('354')) return this.#notTaken(mail);
    await this.#sendContent(mail);
    this.#verdict(mail, await this.#reply());
  }

  /** RFC 2920 §3.1: everything up to DATA in one go. */
  async #pipelined(plan: Plan): Promise<void> {
    const { mail } = plan;
    const group = [mailLine(plan), ...plan.named.map(([address]) => rcptLine(plan, address))];
    await this.#end.write(`${group.join('\r\n')}\r\nDATA\r\n`);
    await this.#reply();
    let accepted = 0;
    for (const [, targets] of plan.named) {
      const taken = isGood(await this.#reply());
      this.#answeredRcpt(mail, targets, taken);
      if (taken) accepted += 1;
    }
    const go = (await this.#reply()).startsWith('354');
    if (!go) return this.#notTaken(mail);
    if (accepted > 0) await this.#sendContent(mail);
    else await this.#end.write('.\r\n');
    this.#verdict(mail, await this.#reply());
  }

  /** RFC 3030, and all of it in one go: nothing is waited for before the last chunk is out. */
  async #byChunks(plan: Plan): Promise<void> {
    const { mail } = plan;
    const chunks = 1 + this.#below(3);
    const size = Math.ceil(mail.content.length / chunks);
    await this.#end.write(
      `${[mailLine(plan), ...plan.named.map(([address]) => rcptLine(plan, address))].join('\r\n')}\r\n`,
    );
    for (let i = 0; i < chunks; i += 1) {
      const piece = mail.content.subarray(i * size, (i + 1) * size);
      const last = i === chunks - 1;
      await this.#end.write(`BDAT ${piece.length}${last ? ' LAST' : ''}\r\n`);
      if (this.#hangsUp()) await this.#break(piece);
      if (last) mail.sent = true;
      await this.#end.write(piece);
    }
    await this.#reply();
    for (const [, targets] of plan.named)
      this.#answeredRcpt(mail, targets, isGood(await this.#reply()));
    let verdict = '';
    for (let i = 0; i < chunks; i += 1) verdict = await this.#reply();
    this.#verdict(mail, verdict);
  }

  async #sendContent(mail: Mail): Promise<void> {
    const text = mail.content.toString('latin1').replaceAll(/^\./gm, '..');
    const stuffed = Buffer.from(`${text}${text.endsWith('\r\n') ? '' : '\r\n'}.\r\n`, 'latin1');
    if (this.#hangsUp()) await this.#break(stuffed);
    const half = this.#below(stuffed.length);
    await this.#end.write(stuffed.subarray(0, half));
    if (this.#happens(0.1)) await this.#silence();
    mail.sent = true;
    await this.#end.write(stuffed.subarray(half));
  }

  /** Goes away before the last octet. */
  async #break(bytes: Buffer): Promise<never> {
    await this.#end.write(bytes.subarray(0, this.#below(Math.max(1, bytes.length - 2))));
    if (this.#happens(0.5)) await this.#end.end();
    if (this.#happens(0.3)) await this.#silence();
    throw new Gone();
  }

  #hangsUp(): boolean {
    return this.#parts.mayHangUp && this.#happens(0.15);
  }

  async #silence(): Promise<void> {
    await this.#end.read(this.#below(15 * minute)).then(
      (bytes) => {
        this.#text += Buffer.from(bytes ?? []).toString('latin1');
      },
      () => {},
    );
  }

  /** It was never given: RFC 5321 §4.1.4, nobody may deliver it. */
  #notTaken(mail: Mail): void {
    this.#leftOpen = true;
    this.#parts.ledger.answered(mail, false);
  }

  #verdict(mail: Mail, answer: string): void {
    this.#leftOpen = !isGood(answer);
    this.#parts.ledger.answered(mail, isGood(answer));
  }

  #answeredRcpt(mail: Mail, targets: readonly string[], taken: boolean): void {
    for (const fate of mail.fates)
      if (targets.includes(fate.address)) fate.wanted = taken || fate.wanted === true;
  }

  async #command(line: string, wanted?: number): Promise<string> {
    await this.#end.write(`${line}\r\n`);
    return wanted === undefined ? this.#reply() : this.#expect(wanted);
  }

  async #expect(code: number): Promise<string> {
    const answer = await this.#reply();
    if (!answer.startsWith(String(code))) throw new Gone();
    return answer;
  }

  /** A whole reply. 421 ends it all: what was sent may be taken, and may not. */
  async #reply(): Promise<string> {
    for (;;) {
      const found = /^(?:\d{3}-[^\n]*\n)*\d{3}[ \r][^\n]*\n/.exec(this.#text)?.[0];
      if (found !== undefined) {
        this.#text = this.#text.slice(found.length);
        if (found.startsWith('421')) throw new Gone();
        return found;
      }
      const bytes = await this.#end.read(20 * minute);
      if (bytes === undefined) throw new Gone();
      this.#text += Buffer.from(bytes).toString('latin1');
    }
  }

  #plan(): Plan {
    const { ledger, token: next } = this.#parts;
    const token = next();
    const some = Array.from({ length: 1 + this.#below(4) }, () => this.#recipient());
    const named = new Map(some);
    const senders = [`ann@${homeDomain}`, `bob@${homeDomain}`, `s@${senderDomain}`];
    const sender = this.#happens(0.1) ? '' : this.#one(senders);
    const silent = this.#happens(0.1);
    const eight = this.#happens(0.3);
    const content = this.#content(token, eight);
    const addresses = [...new Set([...named.values()].flat())];
    const mail = ledger.open({ token, sender, content, silent, addresses });
    return {
      ...{ mail, named: [...named] },
      params: eight ? ' BODY=8BITMIME' : '',
      rcptParams: silent ? ' NOTIFY=NEVER' : this.#happens(0.2) ? ' NOTIFY=SUCCESS,FAILURE' : '',
    };
  }

  #recipient(): [string, string[]] {
    const local = this.#below(3);
    const plain = [
      ...['ann', 'bob', 'nobody'].map((each) => `${each}@${homeDomain}`),
      ...remoteDomains.flatMap((domain) => [`r${local}@${domain}`, `q${local}@${domain}`]),
      ...[`r${local}@l.example`, `r${local}@s.example`],
    ];
    if (this.#happens(0.08)) return [alias.name, [...alias.targets]];
    const address = this.#one(plain);
    return [address, [address]];
  }

  #content(token: string, eight: boolean): Buffer {
    const large = this.#happens(0.04);
    const lines = ['.', '..a dot', 'plain text', '', 'From here', 'x'.repeat(900)];
    if (eight) lines.push('Grüße, þætti', '“quoted” = equal');
    let body = '';
    const count = large ? 1500 : this.#below(12);
    for (let i = 0; i < count; i += 1) body += `${this.#one(lines)}\r\n`;
    if (large) body += `${'y'.repeat(200)}\r\n`.repeat(700);
    // RFC 5321 §2.3.8: a bare LF is refused, whatever it hides.
    if (this.#happens(0.03)) body += 'smuggled\n.\r\nMAIL FROM:<x@y.example>\r\n';
    const type = eight ? 'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n' : '';
    const encoding = eight ? 'Content-Transfer-Encoding: 8bit\r\n' : '';
    const head = `X-Token: ${token}\r\nSubject: ${token}\r\n${type}${encoding}`;
    const end = this.#happens(0.05) ? 'no newline' : 'the end\r\n';
    return Buffer.from(`${head}\r\n${body}${end}`);
  }

  #one<T>(items: readonly T[]): T {
    return items[this.#below(items.length)]!;
  }

  #happens(probability: number): boolean {
    return this.#parts.random.fraction() < probability;
  }

  #below(limit: number): number {
    return Math.floor(this.#parts.random.fraction() * limit);
  }
}

const isGood = (answer: string): boolean => answer.startsWith('250');
const mailLine = ({ mail, params }: Plan): string => `MAIL FROM:<${mail.sender}>${params}`;
const rcptLine = ({ rcptParams }: Plan, address: string): string =>
  `RCPT TO:<${address}>${rcptParams}`;
