// Filters of others at work: one made with python3-milter that does every action, and OpenDKIM, whose signature has to
// be good when the message arrives.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findHeaderEnd } from '../../src/mail/header.ts';
import type { TestServer } from '../../src/testing/index.ts';
import { FakeResolver, startTestServer } from '../../src/testing/index.ts';
import { DkimCheck } from '../../src/trust/dkim.ts';
import { SignedMessage } from '../../src/trust/signed-message.ts';
import { eventually } from '../process.ts';
import { without } from './peers.ts';

const python = '/usr/bin/python3';
const pymilter = 'usr/lib/python3/dist-packages/Milter/__init__.py';

interface Filter extends AsyncDisposable {
  readonly socket: string;
  readonly home: string;
}

/** A filter on a socket of its own, in a directory of its own. */
async function startFilter(
  command: (home: string, socket: string) => readonly [string, ...string[]],
): Promise<Filter> {
  const home = mkdtempSync(join(tmpdir(), 'postrider-milter-'));
  const socket = join(home, 'socket');
  const [program, ...args] = command(home, socket);
  const child = spawn(program, args, { stdio: 'inherit' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await eventually(async () => existsSync(socket) || undefined, `${program} to listen`);
  return {
    ...{ socket, home },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
      rmSync(home, { recursive: true, force: true });
    },
  };
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

describe('interop: OpenDKIM', { skip: without('opendkim') }, () => {
  it('signs as a milter, and the signature is good when the message has arrived', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await using filter = await startFilter((home, socket) => {
      const key = join(home, 'key.pem');
      writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
      const settings = [
        'Syslog no',
        'Mode s',
        'Domain example.net',
        'Selector s',
        `KeyFile ${key}`,
      ];
      const more = [
        'InternalHosts 127.0.0.1',
        'RequireSafeKeys no',
        'OversignHeaders From',
        'Canonicalization simple/simple',
      ];
      writeFileSync(join(home, 'conf'), [...settings, ...more, ''].join('\n'));
      return ['/usr/sbin/opendkim', '-f', '-x', join(home, 'conf'), '-p', `local:${socket}`];
    });
    await using server = await behind(filter.socket);
    await server.send({
      from: 'ann@example.net',
      to: 'bob@example.org',
      message:
        'From: ann@example.net\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\nSubject:  two  spaces\r\n\tfolded\r\n\r\nbody \r\n\r\n',
    });
    const { raw } = await server.waitFor(({ mailbox }) => mailbox === 'bob@example.org');
    const p = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    const resolver = new FakeResolver({ 's._domainkey.example.net': { TXT: [`v=DKIM1; p=${p}`] } });
    const end = findHeaderEnd(raw);
    const signed = new SignedMessage(raw.subarray(0, end));
    const check = new DkimCheck(signed);
    signed.update(raw.subarray(end));
    const verdicts = await check.verdicts(resolver, Math.floor(Date.now() / 1000));
    assert.deepEqual(
      verdicts.map(({ result, problem }) => [result, problem]),
      [['pass', undefined]],
    );
  });
});
