// ClamAV at work, with a database of one signature of ours: clamd as we ask it (INSTREAM), and clamav-milter, which
// asks the same clamd.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ConfigInput } from '../../src/config/config.ts';
import { startTestServer } from '../../src/testing/index.ts';
import type { Daemon } from './daemon.ts';
import { startDaemon } from './daemon.ts';
import { without } from './peers.ts';

/** What the one signature finds. */
const virus = 'postrider-test-virus-8d1f';

/** Settings as clamd and clamav-milter read them: a word and its value a line. */
const settings = (lines: Readonly<Record<string, string>>): string =>
  Object.entries(lines)
    .map(([name, value]) => `${name} ${value}\n`)
    .join('');

const startClamd = () =>
  startDaemon(
    (home) => {
      const database = join(home, 'database');
      mkdirSync(database);
      const hex = Buffer.from(virus).toString('hex');
      writeFileSync(join(database, 'test.ndb'), `Postrider.Test:0:*:${hex}\n`);
      writeFileSync(
        join(home, 'conf'),
        settings({
          ...{ Foreground: 'yes', User: 'root', MaxThreads: '2' },
          ...{ LocalSocket: join(home, 'socket'), LocalSocketMode: '666' },
          ...{ DatabaseDirectory: database, TemporaryDirectory: home, StreamMaxLength: '1M' },
        }),
      );
      return ['clamd', '-c', join(home, 'conf')];
    },
    (home) => existsSync(join(home, 'socket')),
  );

const startMilter = (clamd: Daemon) =>
  startDaemon(
    (home) => {
      writeFileSync(
        join(home, 'conf'),
        settings({
          ...{ Foreground: 'yes', User: 'root', TemporaryDirectory: home },
          ...{ MilterSocket: `unix:${join(home, 'socket')}`, MilterSocketMode: '666' },
          ClamdSocket: `unix:${join(clamd.home, 'socket')}`,
          ...{ OnInfected: 'Reject', RejectMsg: '"%v found"', AddHeader: 'Replace' },
        }),
      );
      return ['clamav-milter', '-c', join(home, 'conf')];
    },
    (home) => existsSync(join(home, 'socket')),
  );

describe('interop: ClamAV', { skip: without('clamd', 'clamav-milter') }, () => {
  let clamd: Daemon;
  before(async () => {
    clamd = await startClamd();
  });
  after(() => clamd[Symbol.asyncDispose]());

  const behind = (filter: NonNullable<ConfigInput['filters']>[number]) =>
    startTestServer({ config: { filters: [{ ...filter, name: 'virus scanner' }] } });
  const mail = (text: string) => ({
    from: 'ann@example.net',
    to: ['bob@example.org'],
    message: `From: ann@example.net\r\nSubject: hello\r\nX-Virus-Status: of mine\r\n\r\n${text}\r\n`,
  });
  const infected = mail(`See what is here: ${virus}`);
  /** The same in an attachment, as base64. */
  const packed = {
    ...infected,
    message: [
      'From: ann@example.net',
      'MIME-Version: 1.0',
      'Content-Type: application/octet-stream; name=a.bin',
      'Content-Transfer-Encoding: base64',
      '',
      Buffer.from(`MZ ${virus}`).toString('base64'),
      '',
    ].join('\r\n'),
  };

  it('clamd: takes what is clean, and refuses what is found by its name, packed or not', async () => {
    await using server = await behind({ clamd: join(clamd.home, 'socket') });
    await server.send(mail('Nothing here'));
    await server.waitFor(({ text }) => text.includes('Nothing here'));
    for (const one of [infected, packed])
      await assert.rejects(server.send(one), /550 5\.7\.\d.*Postrider\.Test/s);
    assert.equal(server.messages.length, 1);
  });

  it('clamd: what is larger than it takes is refused for now, and nothing is lost', async () => {
    await using server = await behind({ clamd: join(clamd.home, 'socket') });
    const large = mail('x'.repeat(70).concat('\r\n').repeat(20_000));
    await assert.rejects(server.send(large), /451/);
  });

  it('clamav-milter: marks what is clean, refuses what is not', async () => {
    await using milter = await startMilter(clamd);
    await using server = await behind({ milter: join(milter.home, 'socket') });
    await server.send(mail('Nothing here'));
    const { raw } = await server.waitFor(({ text }) => text.includes('Nothing here'));
    assert.match(String(raw), /^X-Virus-Status: Clean\r$/m);
    assert.doesNotMatch(String(raw), /of mine/);
    for (const one of [infected, packed])
      await assert.rejects(server.send(one), /550.*Postrider\.Test(?:\.UNOFFICIAL)? found/s);
  });
});
