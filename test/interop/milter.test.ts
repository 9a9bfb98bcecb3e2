// Filters of others at work: one made with python3-milter that does every action, OpenDKIM and dkimpy-milter, whose
// signatures have to be good when the message arrives. And what Postfix tells a filter is what we tell it.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findHeaderEnd } from '../../src/mail/header/header.ts';
import type { TestServer } from '../../src/testing/index.ts';
import { FakeResolver, startTestServer } from '../../src/testing/index.ts';
import { DkimCheck } from '../../src/trust/dkim.ts';
import { SignedMessage } from '../../src/trust/signed-message.ts';
import { freePorts } from '../ports.ts';
import { eventually } from '../process.ts';
import { connectClient } from '../scenarios/wire.ts';
import { startDaemon } from './daemon.ts';
import { startPostfix, without, withoutPostfix } from './peers.ts';

const python = '/usr/bin/python3';
const pymilter = 'usr/lib/python3/dist-packages/Milter/__init__.py';

/** A filter on a socket of its own. */
async function startFilter(
  command: (home: string, socket: string) => readonly [string, ...string[]],
) {
  const socketOf = (home: string) => join(home, 'socket');
  const daemon = await startDaemon(
    (home) => command(home, socketOf(home)),
    (home) => existsSync(socketOf(home)),
  );
  return { ...daemon, socket: socketOf(daemon.home) };
}

const behind = (milter: string): Promise<TestServer> =>
  startTestServer({
    config: { filters: [{ milter, name: 'filter' }] },
  });

const mail = (todo: string, ...to: readonly string[]) => ({
  from: 'ann@example.net',
  to,
  message: `Subject: as it was\r\nX-Gone: 1\r\nX-Do: ${todo}\r\n\r\nold body\r\n`,
});

describe('interop: python3-milter', { skip: without(pymilter) }, () => {
  it('changes, refuses, holds and discards messages', async () => {
    await using filter = await startFilter((_, socket) => [
      python,
      join(import.meta.dirname, 'every-action.py'),
      `unix:${socket}`,
    ]);
    await using server = await behind(filter.socket);
    const send = (todo: string, ...to: string[]) => server.send(mail(todo, ...to));

    await send('progress,headers,body,envelope', 'bob@example.org', 'carl@example.org');
    const added = await server.waitFor(({ mailbox }) => mailbox === 'added@example.org');
    const raw = added.raw.toString();
    assert.match(raw, /^Return-Path: <changed@example\.net>\r\n/);
    assert.match(
      raw,
      /\r\nX-First: top\r\nReceived: (?:.*\r\n\t)*.*\r\nX-Second: below Received\r\n/,
    );
    assert.match(
      raw,
      /\r\nSubject: changed\r\nX-Do: .*\r\nX-Last: one\r\n\ttwo\r\n\r\nnew body\r\nsecond piece\r\n$/,
    );
    await server.waitFor(({ mailbox }) => mailbox === 'carl@example.org');
    assert.deepEqual(
      server.messages.map(({ mailbox }) => mailbox).sort(),
      ['added@example.org', 'carl@example.org'],
      'the first recipient was taken out',
    );

    await assert.rejects(send('', 'refused@example.org'), /550/);
    await assert.rejects(send('reply', 'bob@example.org'), /first line/);
    await assert.rejects(send('tempfail', 'bob@example.org'), /451/);
    await send('quarantine', 'held@example.org');
    await send('discard', 'discarded@example.org');
    await send('', 'last@example.org');
    await server.waitFor(({ mailbox }) => mailbox === 'last@example.org');
    assert.equal(server.messages.length, 3, 'neither what is held nor what was discarded');
  });
});

/** A step, and what came with it; `what` is cut to what servers have in common. */
interface ToldStep {
  readonly step: string;
  readonly what: string;
  readonly macros: readonly string[];
}

/** What witness.py wrote down of one connection that said EHLO. */
function toldBy(file: string): readonly ToldStep[] {
  const lines = readFileSync(file, 'latin1').trimEnd().split('\n');
  // What looks whether Postfix is there says nothing.
  const start = lines.findLastIndex((line) => line.startsWith('connect '));
  return lines.slice(start).map((line) => {
    const bar = line.lastIndexOf(' | ');
    const [step = '', ...what] = line.slice(0, bar).split(/ (?=b?['"])/);
    // Postfix shows the first word of what it does not know.
    const shown =
      step === 'unknown' ? what.map((one) => one.split(' ')[0]!.replace(/'$/, '')) : what;
    return { step, what: shown.join(' '), macros: line.slice(bar + 3).split(' ') };
  });
}

describe('interop: what a milter is told', { skip: withoutPostfix() || without(pymilter) }, () => {
  const dialogue = [
    'EHLO c.example',
    'XYZZY one',
    'LATER two',
    'MAIL FROM:<ann@x.example> SIZE=100',
    'XYZZY three',
    'RCPT TO:<bad@nowhere.example>',
    'RCPT TO:<bob@postfix.test>',
    'RCPT TO:<eve@postfix.test>',
    'DATA',
    'From: ann@x.example\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@x.example>\r\nX-Two:  b\r\n c\r\n\r\nhello\r\n.',
    'MAIL FROM:<ann@x.example>',
    'EHLO d.example',
    'MAIL FROM:<>',
    'RCPT TO:<bob@postfix.test>',
    'RSET',
  ];

  /** The codes of its replies. */
  async function talk(port: number): Promise<readonly string[]> {
    const client = await connectClient(port);
    const codes: string[] = [];
    for (const line of dialogue)
      codes.push((await client.say(`${line}\r\n`)).split('\n').at(-1)!.slice(0, 3));
    await client.say('QUIT\r\n');
    client.close();
    return codes;
  }

  it('is what Postfix tells it, step by step, with the macros of Postfix', async () => {
    await using filter = await startFilter((home, socket) => {
      const witness = join(import.meta.dirname, 'witness.py');
      return [python, witness, `unix:${socket}`, join(home, 'told')];
    });
    chmodSync(filter.socket, 0o777);
    const file = join(filter.home, 'told');
    const [port] = (await freePorts(1)) as [number];
    await using postfix = await startPostfix({
      ...{ port, domain: 'postfix.test' },
      settings: {
        smtpd_milters: `unix:${filter.socket}`,
        smtpd_relay_restrictions: 'reject_unauth_destination',
        local_header_rewrite_clients: '',
      },
    });
    const codes = await talk(postfix.port);
    const theirs = await eventually(async () => {
      const told = toldBy(file);
      return told.at(-1)?.step === 'abort' ? told : undefined;
    }, `Postfix to tell all\n${postfix.log()}`);
    rmSync(file);
    await using server = await startTestServer({
      accounts: ['bob@postfix.test', 'eve@postfix.test'],
      config: { domains: ['postfix.test'], filters: [{ milter: filter.socket, name: 'witness' }] },
    });
    const permanent = (code: string) => (code.startsWith('5') ? '5yz' : code);
    assert.deepEqual((await talk(server.port)).map(permanent), codes.map(permanent));
    const ours = await eventually(async () => {
      const told = toldBy(file);
      return told.at(-1)?.step === 'abort' ? told : undefined;
    }, 'our server to tell all');
    const isSame = ({ step, what }: ToldStep) =>
      step !== 'header' || !what.includes('Authentication-Results');
    assert.deepEqual(
      ours.filter(isSame).map(({ step, what }) => `${step} ${what}`),
      theirs.map(({ step, what }) => `${step} ${what}`),
    );
    for (const [i, { step, what, macros }] of ours.filter(isSame).entries())
      assert.deepEqual(
        theirs[i]!.macros.filter((name) => !macros.includes(name)),
        [],
        `macros with ${step} ${what}`,
      );
  });
});

/** Signers of others: what they are called with, and by which algorithms they sign. */
const signers = {
  OpenDKIM: {
    skip: without('opendkim'),
    algorithms: ['rsa-sha256'],
    command: (home: string, socket: string, keys: SignerKeys) => {
      const settings = [
        ...['Syslog no', 'Mode s', 'Domain example.net', 'Selector s', `KeyFile ${keys.rsa}`],
        ...['InternalHosts 127.0.0.1', 'RequireSafeKeys no', 'OversignHeaders From'],
        ...['Canonicalization simple/simple', ''],
      ];
      writeFileSync(join(home, 'conf'), settings.join('\n'));
      return ['/usr/sbin/opendkim', '-f', '-x', join(home, 'conf'), '-p', `local:${socket}`];
    },
  },
  'dkimpy-milter': {
    skip: without('dkimpy-milter', pymilter),
    algorithms: ['rsa-sha256', 'ed25519-sha256'],
    command: (home: string, socket: string, keys: SignerKeys) => {
      const settings = [
        ...['Syslog no', 'Mode s', 'Domain example.net', 'Selector s', `KeyFile ${keys.rsa}`],
        ...['SelectorEd25519 e', `KeyFileEd25519 ${keys.ed25519}`, 'InternalHosts 127.0.0.1'],
        ...['Canonicalization simple/simple', `Socket local:${socket}`, 'UserID root'],
        ...[`PidFile ${join(home, 'pid')}`, 'UMask 000', ''],
      ];
      writeFileSync(join(home, 'conf'), settings.join('\n'));
      return ['/usr/bin/dkimpy-milter', join(home, 'conf')];
    },
  },
} as const;

interface SignerKeys {
  /** Files. */
  readonly rsa: string;
  readonly ed25519: string;
}

for (const [name, { skip, algorithms, command }] of Object.entries(signers))
  describe(`interop: ${name}`, { skip }, () => {
    it('signs as a milter, and the signatures are good when the message has arrived', async () => {
      const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const ed25519 = generateKeyPairSync('ed25519');
      await using filter = await startFilter((home, socket) => {
        const file = (of: string, text: string | Buffer) => {
          writeFileSync(join(home, of), text, { mode: 0o600 });
          return join(home, of);
        };
        // RFC 8032 §5.1.5: the seed, which a PKCS #8 file ends with.
        const seed = ed25519.privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32);
        const [program, ...args] = command(home, socket, {
          rsa: file('rsa.pem', rsa.privateKey.export({ type: 'pkcs1', format: 'pem' })),
          ed25519: file('ed25519', seed.toString('base64')),
        });
        return [program!, ...args];
      });
      await using server = await behind(filter.socket);
      await server.send({
        from: 'ann@example.net',
        to: 'bob@example.org',
        message:
          'From: ann@example.net\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\nSubject:  two  spaces\r\n\tfolded\r\n\r\nbody \r\n\r\n',
      });
      const { raw } = await server.waitFor(({ mailbox }) => mailbox === 'bob@example.org');
      const der = ({ publicKey }: typeof rsa) => publicKey.export({ type: 'spki', format: 'der' });
      const resolver = new FakeResolver({
        's._domainkey.example.net': { TXT: [`v=DKIM1; p=${der(rsa).toString('base64')}`] },
        'e._domainkey.example.net': {
          TXT: [`v=DKIM1; k=ed25519; p=${der(ed25519).subarray(-32).toString('base64')}`],
        },
      });
      const end = findHeaderEnd(raw);
      const signed = new SignedMessage(raw.subarray(0, end));
      const check = new DkimCheck(signed);
      signed.update(raw.subarray(end));
      const verdicts = await check.verdicts(resolver, Math.floor(Date.now() / 1000));
      assert.deepEqual(
        verdicts.map(({ result, problem }) => [result, problem]),
        algorithms.map(() => ['pass', undefined]),
      );
      const head = raw.toString('latin1', 0, end);
      for (const algorithm of algorithms) assert.ok(head.includes(`a=${algorithm}`), head);
    });
  });
