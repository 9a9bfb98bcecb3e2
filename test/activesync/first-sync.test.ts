// The first sync of 10,000 messages, in windows, as a phone does it: while mail comes, changes and goes.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { startTestServer } from '../../src/testing/index.ts';
import { connectImap } from '../scenarios/imap-wire.ts';
import { Phone } from './phone.ts';
import { versions } from './world.ts';

const password = 'correct horse battery';
const ann = 'ann@example.org';
const local = { host: '127.0.0.1', port: 0 } as const;
const messages = 10_000;
/** Messages of one APPEND. */
const together = 500;

it('a phone gets 10,000 messages in windows, each once, though some come, change and go meanwhile', async () => {
  await using server = await startTestServer({
    accounts: [{ address: ann, password }],
    config: {
      domains: ['example.org'],
      tls: 'self-signed',
      activeSync: {},
      listeners: [
        { service: 'imap', ...local, tls: 'implicit' },
        { service: 'http', ...local },
      ],
    },
  });
  const portOf = (name: string) => server.listeners.find(({ service }) => service === name)!.port;
  const client = await connectImap(portOf('imap'));
  await client.ask(`LOGIN ${ann} "${password}"`);
  const append = async (from: number, count: number) => {
    const literals = Array.from({ length: count }, (_, i) => {
      const text = `From: eve@far.test\r\nSubject: m${from + i}\r\n\r\nText of ${from + i}.\r\n`;
      return ` {${text.length}+}\r\n${text}`;
    });
    assert.match((await client.ask(`APPEND INBOX${literals.join('')}`)).at(-1)!, / OK /);
  };
  for (let i = 1; i <= messages; i += together) await append(i, together);
  await client.ask('SELECT INBOX');
  const phone = new Phone({
    ...{ url: `http://127.0.0.1:${portOf('http')}`, user: ann, password, version: '16.1' },
  });
  await phone.setUp();
  const inbox = phone.folder('2');
  const window = [['AirSync:WindowSize', '512']] as const;
  // The newest come first, so that some of these have been told and some have not.
  await phone.syncOnce(inbox, window);
  assert.equal(phone.in(inbox).size, 512);
  for (let round = 0; round < 8; round += 1) {
    await append(messages + 1 + round, 1);
    await client.ask(`UID STORE ${1 + round},${messages - round} +FLAGS (\\Flagged)`);
    await client.ask(`UID STORE ${101 + round},${messages - 100 - round} +FLAGS (\\Deleted)`);
    await client.ask('EXPUNGE');
    await phone.syncOnce(inbox, window);
  }
  const answers = await phone.sync(inbox, 512);
  assert.ok(answers < 20, `${answers} more answers`);
  const mails = [...phone.in(inbox).values()];
  const gone = (n: number) => (n > 100 && n <= 108) || (n <= messages - 100 && n > messages - 108);
  const expected = Array.from({ length: messages + 8 }, (_, i) => i + 1).filter((n) => !gone(n));
  const subjects = mails.map(({ subject }) => Number(subject.slice(1)));
  assert.deepEqual(
    subjects.sort((one, other) => one - other),
    expected,
  );
  assert.equal(mails.filter(({ flagged }) => flagged).length, 16);
  assert.ok(mails.every(({ subject, body }) => body === `Text of ${subject.slice(1)}.\r\n`));
  client.close();
  // Others find the same, whatever they speak.
  for (const version of versions.slice(0, 4)) {
    const other = new Phone({ ...phone.options, version, id: `v${version}` });
    await other.setUp();
    await other.sync(inbox, 512);
    assert.deepEqual(
      [...other.in(inbox)]
        .map(([id, { subject, flagged, body }]) => [id, subject, flagged, body])
        .sort(),
      [...phone.in(inbox)]
        .map(([id, { subject, flagged, body }]) => [id, subject, flagged, body])
        .sort(),
      version,
    );
  }
});
