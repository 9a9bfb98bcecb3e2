// What the world knows of every message: who said what to its client, where it arrived, whom a report
// named. Nothing here knows the server; it judges it by what can be seen from outside, and by what
// its store said was recorded.

import assert from 'node:assert/strict';
import { decodeBase64 } from '../../src/mail/mime/base64.ts';
import { decodeQuotedPrintable } from '../../src/mail/mime/quoted-printable.ts';
import { doneAfterMs } from './journal-faults.ts';

/** One message as a client gave it, or tried to. */
export interface Mail {
  readonly token: string;
  /** '' is the null reverse-path. */
  readonly sender: string;
  readonly content: Buffer;
  /** NOTIFY=NEVER: of a failure nobody is told. */
  readonly silent: boolean;
  /** With SMTPUTF8: hosts without it take it only where it turns out not to be needed. */
  readonly utf8: boolean;
  readonly fates: Fate[];
  readonly givenAt: number;
  /** The end of the content went out: from here on the server may have it. */
  sent: boolean;
  /** What happened to it, for whoever has to understand a failure. */
  readonly story: string[];
  verdict: 'accepted' | 'refused' | undefined;
}

/** One recipient of it. */
export interface Fate {
  readonly mail: Mail;
  readonly address: string;
  /** The server answered 250 to a RCPT that leads here; undefined while it has not answered. */
  wanted: boolean | undefined;
  arrivals: number;
  /** The last to take it knows that its 250 was read. */
  wasHeard: () => boolean;
  /** The server died without having written down that it arrived. */
  excused: boolean;
  /** Recorded as delivered then. */
  settledAt: number | undefined;
  /** Somebody said no for good: it may bounce before its time. */
  refused: boolean;
  told: boolean;
}

/** The other side of the connection over which something arrives. */
export interface Giver {
  /** It has read the 250. */
  readonly wasHeard: () => boolean;
  /** It does not wait for an answer any more. RFC 1047: it will try again, and cannot know better. */
  readonly isGone: boolean;
}

export interface LedgerSettings {
  readonly now: () => number;
  /** A bounce for reasons of time may not come earlier; undefined where clocks are wrong. */
  readonly expireAfterMs: number | undefined;
  readonly localDomain: string;
  /** Whom a report may mean by an alias: the one behind it who is not here. */
  readonly aliased: ReadonlyMap<string, string>;
}

export class Ledger {
  readonly mails = new Map<string, Mail>();
  duplicates = 0;
  reports = 0;
  /** What was found wrong first. It is kept: whoever calls from inside the server would swallow it. */
  failure: unknown;
  /** Domains to which mail is refused for good, and what is too large for others. */
  readonly fatalDomains = new Set<string>();
  readonly bytesMax = new Map<string, number>();
  readonly #settings: LedgerSettings;
  readonly #byId = new Map<
    string,
    { readonly mail: Mail; readonly addresses: readonly string[] }
  >();

  constructor(settings: LedgerSettings) {
    this.#settings = settings;
  }

  open(
    given: Pick<Mail, 'token' | 'sender' | 'content' | 'silent' | 'utf8'> & {
      readonly addresses: string[];
    },
  ): Mail {
    const { addresses, ...rest } = given;
    const fates: Fate[] = [];
    const now = this.#settings.now();
    const mail: Mail = { ...rest, fates, givenAt: now, sent: false, story: [], verdict: undefined };
    for (const address of addresses)
      fates.push({
        ...{ mail, address, wanted: undefined, arrivals: 0, wasHeard: () => true },
        ...{ excused: false, settledAt: undefined, told: false },
        refused:
          this.#isRefused(address, given.content.length) ||
          (given.utf8 && !isAt(address, this.#settings.localDomain)),
      });
    this.mails.set(mail.token, mail);
    return mail;
  }

  /** The server's word to the client about the message as a whole. */
  answered(mail: Mail, accepted: boolean): void {
    mail.verdict = accepted ? 'accepted' : 'refused';
    this.#note(mail, mail.verdict);
    if (accepted) return;
    this.#check(() => {
      for (const fate of mail.fates)
        assert.equal(fate.arrivals, 0, `${name(fate)} was delivered, and refused to its client`);
    });
  }

  /** RFC 2033 §4.2: the server's word about each: these get it, and the others do not. */
  answeredFor(mail: Mail, taken: ReadonlySet<string>): void {
    for (const fate of mail.fates) {
      if (taken.has(fate.address)) continue;
      fate.wanted = false;
      this.#check(() =>
        assert.equal(fate.arrivals, 0, `${name(fate)} was delivered, and refused to its client`),
      );
    }
  }

  /** The store has it under this id. */
  queued(id: string, content: Buffer, addresses: readonly string[]): void {
    const mail = this.#mailIn(content);
    if (mail === undefined) return;
    this.#byId.set(id, { mail, addresses });
    this.#note(mail, `queued as ${id} for ${addresses.join(', ')}`);
  }

  tokenOf(id: string): string | undefined {
    return this.#byId.get(id)?.mail.token;
  }

  settled(id: string, index: number): void {
    const entry = this.#byId.get(id);
    const fate = entry?.mail.fates.find(({ address }) => address === entry.addresses[index]);
    if (fate === undefined) return;
    fate.settledAt = this.#settings.now();
    this.#note(fate.mail, `recorded as delivered: ${fate.address}`);
    if (isAt(fate.address, this.#settings.localDomain)) return;
    this.#check(() =>
      assert.ok(fate.arrivals > 0, `${name(fate)} is recorded as delivered, and nobody has it`),
    );
  }

  /** The server died: of what it had not written down it knows nothing. */
  crashed(): void {
    for (const mail of this.mails.values()) {
      this.#note(mail, 'the server ends');
      for (const fate of mail.fates) {
        if (fate.settledAt !== undefined && fate.settledAt + doneAfterMs >= this.#settings.now())
          fate.settledAt = undefined;
        if (fate.arrivals > 0 && fate.settledAt === undefined) fate.excused = true;
      }
    }
  }

  refused(content: Buffer | undefined, address: string, sender: string): void {
    const mail = content === undefined ? undefined : this.#mailIn(content);
    for (const one of mail === undefined ? this.mails.values() : [mail])
      for (const fate of one.fates)
        if (fate.address === address && (mail !== undefined || one.sender === sender)) {
          fate.refused = true;
          this.#note(one, `${address} refused`);
        }
  }

  /** No mail for the domain, until further notice. */
  domainRefused(domain: string): void {
    this.fatalDomains.add(domain);
    for (const { fates } of this.mails.values())
      for (const fate of fates) if (isAt(fate.address, domain)) fate.refused = true;
  }

  /** Somebody took it, for one recipient, and said (or will say) 250. */
  arrived(received: Buffer, address: string, sender: string, giver: Giver): void {
    this.#check(() => {
      if (isReport(received)) this.#reported(received, address, sender);
      else this.#arrived(received, address, sender, giver);
    });
  }

  /** It lies in a mailbox of ours: there it is once, whatever happened. */
  stored(content: Buffer, address: string, sender: string): void {
    this.#check(() => {
      if (isReport(content)) return this.#reported(content, address, sender);
      const fate: Fate | undefined = this.#mailIn(content)?.fates.find(
        (one) => one.address === address,
      );
      assert.equal(fate?.arrivals, 0, `${address} has one copy of ${fate?.mail.token}`);
      const { settledAt } = fate!;
      fate!.settledAt = undefined;
      this.#arrived(content, address, sender, { wasHeard: () => true, isGone: false });
      fate!.settledAt = settledAt;
      return undefined;
    });
  }

  #arrived(received: Buffer, address: string, sender: string, giver: Giver): void {
    const mail = this.#mailIn(received);
    assert.ok(mail !== undefined, `something arrived at ${address} that nobody sent:\n${received}`);
    const fate = mail.fates.find((one) => one.address === address);
    assert.ok(fate !== undefined, `${mail.token} arrived at ${address}, which nobody named`);
    this.#note(mail, `arrives at ${address}`);
    assert.equal(sender, mail.sender, `${name(fate)} has another reverse-path`);
    assert.ok(mail.sent, `${name(fate)} arrives, though its client never came to the end`);
    assert.notEqual(mail.verdict, 'refused', `${name(fate)} arrives, though it was refused`);
    assert.notEqual(fate.wanted, false, `${name(fate)} arrives, though its RCPT was refused`);
    assertSameContent(received, mail.content, name(fate));
    fate.arrivals += 1;
    if (fate.arrivals > 1) this.duplicates += 1;
    if (fate.settledAt !== undefined && giver.isGone) return;
    assert.equal(
      fate.settledAt,
      undefined,
      `${name(fate)} arrives after it was recorded as delivered`,
    );
    if (fate.arrivals > 1 && !giver.isGone)
      assert.ok(fate.excused || !fate.wasHeard(), `${name(fate)} arrives twice without a reason`);
    fate.wasHeard = giver.wasHeard;
    fate.excused = false;
  }

  /** The message ids and recipients that a report of failure names, as `token address`. */
  namedBy(report: Buffer): readonly string[] {
    const text = report.toString('latin1');
    const id = /^X-Postrider-Queue-Id: (.*)\r$/m.exec(text)?.[1] ?? '';
    if (!/^Action: failed\r$/m.test(text)) return [];
    return this.#recipientsIn(text).map((address) => `${this.tokenOf(id)} ${address}`);
  }

  /** Every recipient we answered for is delivered, or told of, or among `queued`. */
  checkNothingLost(queued: ReadonlySet<string>): void {
    for (const mail of this.mails.values()) {
      if (mail.verdict !== 'accepted') continue;
      for (const fate of mail.fates) {
        if (fate.wanted !== true || fate.arrivals > 0 || fate.told) continue;
        if (queued.has(name(fate))) continue;
        // Nobody is told of those, but they may not vanish before their time either.
        const untold = mail.sender === '' || mail.silent;
        this.#check(() => assert.ok(untold && this.#mayFail(fate), `${name(fate)} is lost`));
      }
    }
  }

  get counts() {
    const fates = [...this.mails.values()].flatMap((mail) => mail.fates);
    return {
      messages: this.mails.size,
      accepted: [...this.mails.values()].filter(({ verdict }) => verdict === 'accepted').length,
      refused: [...this.mails.values()].filter(({ verdict }) => verdict === 'refused').length,
      arrived: fates.filter(({ arrivals }) => arrivals > 0).length,
      bounced: fates.filter(({ told }) => told).length,
      duplicates: this.duplicates,
    };
  }

  /** Mail that no client gave is a report, and must make sense. */
  #reported(received: Buffer, address: string, sender: string): void {
    const text = received.toString('latin1');
    assert.equal(sender, '', 'a report comes from the null reverse-path');
    const id = /^X-Postrider-Queue-Id: (.*)\r$/m.exec(text)?.[1] ?? '';
    const mail = this.#byId.get(id)?.mail;
    assert.ok(mail !== undefined, 'a report is about mail that was submitted');
    assert.notEqual(mail.sender, '', `${mail.token} has no sender, and was reported`);
    assert.equal(address, mail.sender, 'a report goes to the sender');
    assert.ok(!mail.silent, `${mail.token} was reported, though its sender wants none`);
    const recipients = this.#recipientsIn(text);
    assert.ok(recipients.length > 0, 'a report names recipients');
    this.reports += 1;
    for (const recipient of recipients) {
      const fate: Fate | undefined = mail.fates.find((one) => one.address === recipient);
      assert.ok(fate !== undefined, `a report on ${mail.token} names ${recipient}`);
      const failed = /^Action: failed\r$/m.test(text);
      this.#note(
        mail,
        `${address} hears that ${recipient} ${failed ? 'failed' : 'is late, or well'}`,
      );
      if (!failed) continue;
      fate.told = true;
      assert.ok(this.#mayFail(fate), `${name(fate)} bounced without a reason:\n${text}`);
    }
  }

  #mayFail({ refused, mail }: Fate): boolean {
    const { expireAfterMs, now } = this.#settings;
    return refused || expireAfterMs === undefined || now() - mail.givenAt >= expireAfterMs;
  }

  #check(what: () => void): void {
    try {
      what();
    } catch (error) {
      this.failure ??= this.#explained(error);
    }
  }

  #note(mail: Mail, text: string): void {
    const time = new Date(this.#settings.now()).toISOString();
    if (mail.story.length < 300) mail.story.push(`${time} ${text}`);
  }

  /** With the story of the message that it is about. */
  #explained(error: unknown): unknown {
    if (!(error instanceof Error)) return error;
    const mail = this.mails.get(/\bt\d+\b/.exec(error.message)?.[0] ?? '');
    if (mail === undefined) return error;
    return new Error(`${error.message}\n${mail.story.join('\n')}`, { cause: error });
  }

  #isRefused(address: string, bytes: number): boolean {
    const domain = address.slice(address.lastIndexOf('@') + 1);
    // Trace fields count, too.
    return this.fatalDomains.has(domain) || bytes > (this.bytesMax.get(domain) ?? 10e6) - 5_000;
  }

  #recipientsIn(report: string): string[] {
    return [...report.matchAll(/^Final-Recipient: (?:rfc822|utf-8); *(.*)\r$/gm)].map(
      ([, written]) => {
        const address = unicodeOf(written!);
        return this.#settings.aliased.get(address) ?? address;
      },
    );
  }

  #mailIn(content: Buffer): Mail | undefined {
    const head = content.subarray(0, 4096).toString('latin1');
    return this.mails.get(/^X-Token: (\S+)\r$/m.exec(head)?.[1] ?? '');
  }
}

export const name = ({ mail, address }: Fate): string => `${mail.token} ${address}`;

/** RFC 6533 §3: in UTF-8, or in its 7-bit form; and quoted-printable after a host of 7 bits. */
const unicodeOf = (written: string): string =>
  Buffer.from(
    written.replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    ),
    'latin1',
  )
    .toString()
    .replaceAll(/\\x\{([0-9A-F]+)\}/g, (_, hex: string) =>
      String.fromCodePoint(Number.parseInt(hex, 16)),
    );

const isAt = (address: string, domain: string): boolean => address.endsWith(`@${domain}`);

const isReport = (received: Buffer): boolean => {
  const head = received.subarray(0, 4096).toString('latin1');
  return /^Content-Type: multipart\/report/im.test(head.slice(0, head.indexOf('\r\n\r\n')));
};

/** The octets are the client's, behind our trace fields; or the same in another transfer encoding. */
function assertSameContent(received: Buffer, given: Buffer, what: string): void {
  const start = received.indexOf('X-Token: ');
  const ours = received.subarray(0, start).toString('latin1');
  assert.match(ours, /^Received: /m, `${what} has a trace field`);
  const came = received.subarray(start);
  if (came.equals(given) || came.equals(withFinalNewline(given))) return;
  const [head, body] = split(came);
  const encoding = /^Content-Transfer-Encoding: *(\S+)\r$/im.exec(head)?.[1]?.toLowerCase();
  const decoded =
    encoding === 'base64'
      ? decodeBase64(body)
      : encoding === 'quoted-printable'
        ? decodeQuotedPrintable(body)
        : body;
  const [, wanted] = split(withFinalNewline(given));
  assert.ok(
    withFinalNewline(Buffer.from(decoded)).equals(wanted),
    `${what} arrives with other content (${encoding}, ${decoded.length} of ${wanted.length}):\n` +
      `${came.toString('latin1').slice(0, 1500)}`,
  );
}

function split(content: Buffer): [string, Buffer] {
  const end = content.indexOf('\r\n\r\n');
  return [content.toString('latin1', 0, end + 2), content.subarray(end + 4)];
}

const withFinalNewline = (content: Buffer): Buffer =>
  content.subarray(-2).equals(Buffer.from('\r\n'))
    ? content
    : Buffer.concat([content, Buffer.from('\r\n')]);
