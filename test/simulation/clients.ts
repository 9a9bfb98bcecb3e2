// Clients of the simulation: they speak SMTP and LMTP by themselves, so that our client is not judged
// by our client. They log in, pipeline, send chunks, break off in the middle, send what must be
// refused, write addresses in UTF-8, and tell the ledger what they sent and what they were told.

import type { Random } from '../../src/base/random.ts';
import { alias, homeDomain, loginPassword } from './home.ts';
import { minute, remoteDomains, senderDomain } from './hosts.ts';
import type { Ledger, Mail } from './ledger.ts';
import type { End } from './network.ts';

export interface ClientParts {
  readonly end: End;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly token: () => string;
  readonly mayHangUp: boolean;
  readonly protocol: 'smtp' | 'lmtp';
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
  /** UTF-8 in addresses is offered: RFC 6531. */
  #utf8 = false;
  /** The server may still believe that a transaction is open. */
  #leftOpen = false;
  #end: End;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.#end = parts.end;
  }

  async run(): Promise<void> {
    await this.#expect(220);
    const hello = `${this.#lmtp ? 'LHLO' : 'EHLO'} client.example`;
    let keywords = await this.#command(hello, 250);
    if (keywords.includes('STARTTLS') && this.#happens(0.5)) {
      await this.#command('STARTTLS', 220);
      this.#end = await this.#end.startTls(minute);
      keywords = await this.#command(hello, 250);
    }
    if (keywords.includes('AUTH') && this.#happens(0.7)) await this.#logIn();
    this.#utf8 = keywords.includes('SMTPUTF8');
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

  /** RFC 4954 §4: right, wrong, thought better of, or broken off. */
  async #logIn(): Promise<void> {
    const password = this.#happens(0.7) ? loginPassword : 'guess';
    const initial = Buffer.from(`\0ann@${homeDomain}\0${password}`).toString('base64');
    if (this.#happens(0.5)) {
      const answer = await this.#command(`AUTH PLAIN ${initial}`);
      if (answer.startsWith('235') !== (password === loginPassword))
        this.#parts.ledger.failure ??= new Error(`${answer} for the password ${password}`);
      return;
    }
    await this.#command('AUTH PLAIN', 334);
    if (this.#hangsUp()) throw new Gone();
    await this.#command(this.#happens(0.2) ? '*' : initial);
  }

  async #inLockstep(plan: Plan): Promise<void> {
    const { mail } = plan;
    if (!isGood(await this.#command(mailLine(plan)))) return this.#notTaken(mail);
    const accepted: (readonly string[])[] = [];
    for (const [address, targets] of plan.named) {
      const taken = isGood(await this.#command(rcptLine(plan, address)));
      this.#answeredRcpt(mail, targets, taken);
      if (taken) accepted.push(targets);
    }
    if (accepted.length === 0) return this.#notTaken(mail);
    if (!(await this.#command('DATA')).startsWith('354')) return this.#notTaken(mail);
    await this.#sendContent(mail);
    return this.#hearVerdict(mail, accepted);
  }

  /** RFC 2920 §3.1: everything up to DATA in one go. */
  async #pipelined(plan: Plan): Promise<void> {
    const { mail } = plan;
    const group = [mailLine(plan), ...plan.named.map(([address]) => rcptLine(plan, address))];
    await this.#end.write(`${group.join('\r\n')}\r\nDATA\r\n`);
    await this.#reply();
    const accepted = await this.#hearRcpts(plan);
    const go = (await this.#reply()).startsWith('354');
    if (!go) return this.#notTaken(mail);
    if (accepted.length > 0) await this.#sendContent(mail);
    else await this.#end.write('.\r\n');
    return this.#hearVerdict(mail, accepted);
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
    const accepted = await this.#hearRcpts(plan);
    for (let i = 1; i < chunks; i += 1) await this.#reply();
    // RFC 2033 §4.3: nobody accepted, nothing said.
    if (this.#lmtp && accepted.length === 0) return this.#notTaken(mail);
    return this.#hearVerdict(mail, accepted);
  }

  async #hearRcpts({ mail, named }: Plan): Promise<(readonly string[])[]> {
    const accepted: (readonly string[])[] = [];
    for (const [, targets] of named) {
      const taken = isGood(await this.#reply());
      this.#answeredRcpt(mail, targets, taken);
      if (taken) accepted.push(targets);
    }
    return accepted;
  }

  /** What becomes of the content: RFC 2033 §4.2 has an answer for each recipient. */
  async #hearVerdict(mail: Mail, accepted: readonly (readonly string[])[]): Promise<void> {
    if (!this.#lmtp) return this.#verdict(mail, await this.#reply());
    const taken = new Set<string>();
    for (const targets of accepted)
      if (isGood(await this.#reply())) for (const address of targets) taken.add(address);
    this.#verdict(mail, taken.size > 0 ? '250' : '552');
    if (taken.size > 0) this.#parts.ledger.answeredFor(mail, taken);
    return undefined;
  }

  get #lmtp(): boolean {
    return this.#parts.protocol === 'lmtp';
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
    const utf8 = this.#utf8 && this.#happens(0.2);
    if (utf8) {
      senders.push(`jörg@${homeDomain}`);
      for (const domain of ['d1.example', homeDomain])
        if (this.#happens(0.5)) named.set(`jörg@${domain}`, [`jörg@${domain}`]);
    }
    const sender = this.#happens(0.1) ? '' : this.#one(senders);
    const silent = this.#happens(0.1);
    const eight = this.#happens(0.3);
    const content = this.#content(token, eight, utf8);
    const addresses = [...new Set([...named.values()].flat())];
    const mail = ledger.open({ token, sender, content, silent, utf8, addresses });
    return {
      ...{ mail, named: [...named] },
      params: `${eight ? ' BODY=8BITMIME' : ''}${utf8 ? ' SMTPUTF8' : ''}`,
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

  #content(token: string, eight: boolean, utf8: boolean): Buffer {
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
    const head = `X-Token: ${token}\r\nSubject: ${token}${utf8 ? ' grüß' : ''}\r\n${type}${encoding}`;
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
