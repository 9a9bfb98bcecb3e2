// kill -9 while a phone syncs: it asks again with what it has, and then its mirror is the mailbox, without anything twice.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { freePorts } from '../ports.ts';
import { eventually, type RunningProcess, startProcess } from '../process.ts';
import { Phone } from './phone.ts';
import type { Node } from './wire.ts';

const password = 'correct horse battery';
const ann = 'ann@example.org';
const messages = 30;

describe('kill -9 during a Sync', () => {
  it('loses nothing and tells nothing twice', async () => {
    const [smtp, http] = (await freePorts(2)) as [number, number];
    const config = {
      hostname: 'mx.example.org',
      domains: ['example.org'],
      activeSync: {},
      listeners: [
        { service: 'smtp', host: '127.0.0.1', port: smtp },
        { service: 'http', host: '127.0.0.1', port: http },
      ],
    };
    let server: RunningProcess = await startProcess(config);
    await using _last = { [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
    await server.commandWithInput(`${password}\n`, 'account', 'add', ann, '--password-stdin');
    const mbox = Array.from(
      { length: messages },
      (_, i) => `From a@b Thu Jan  1 00:00:00 2026\nSubject: m${i}\n\nText.\n\n`,
    ).join('');
    const file = join(server.directory, 'in.mbox');
    writeFileSync(file, mbox);
    await server.command('mail', 'import', '--address', ann, file);
    const phone = new Phone({
      url: `http://127.0.0.1:${http}`,
      user: ann,
      password,
      version: '16.1',
    });
    await phone.setUp();
    const inbox = phone.folder('2');
    phone.take((await phone.ask('Sync', phone.request(inbox))).doc!);
    const deleted = new Set<string>();
    for (let round = 0; round < 2; round += 1) {
      await phone.syncOnce(inbox, [['AirSync:WindowSize', '7']]);
      const [id] = phone.in(inbox).keys();
      const asked: Node = phone.request(inbox, [
        ['AirSync:WindowSize', '7'],
        ['AirSync:Commands', ['AirSync:Delete', ['AirSync:ServerId', id!]]],
      ]);
      // Somewhere on its way; whether the answer comes is nobody's business.
      const lost = phone.ask('Sync', asked).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 4 * round));
      await server.end('SIGKILL');
      await lost;
      server = await server.restart();
      const again = await eventually(
        () => phone.ask('Sync', asked).catch(() => undefined),
        'the server to be back',
      );
      phone.in(inbox).delete(id!);
      deleted.add(id!);
      phone.take(again.doc!);
    }
    await phone.sync(inbox, 7);
    assert.equal(phone.in(inbox).size, messages - deleted.size);
    const trash = phone.folder('4');
    await phone.sync(trash);
    assert.equal(phone.in(trash).size, deleted.size);

    const sending = (name: string): Node => [
      'ComposeMail:SendMail',
      ['ComposeMail:ClientId', name],
      [
        'ComposeMail:MIME',
        Buffer.from(
          `From: ${ann}\r\nTo: ${ann}\r\nMessage-ID: <${name}@example.org>\r\n\r\nWords.\r\n`,
        ),
      ],
    ];
    const send = async (name: string) => {
      const answer = await phone.ask('SendMail', sending(name));
      assert.deepEqual([answer.status, answer.octets.length], [200, 0]);
    };
    await send('c1');
    await server.end('SIGKILL');
    server = await server.restart();
    await eventually(() => phone.ask('Settings').catch(() => undefined), 'the server to be back');
    await send('c1');
    await send('c2');
    const story = await eventually(
      () => server.command('why', '<c2@example.org>').catch(() => undefined),
      'the story of what was sent',
    );
    assert.match(JSON.stringify(story), /by the phone TestPhone phone1, SendMail/);
    // The story begins when it is taken, and it is delivered after that.
    const sent = 2;
    const expected = messages - deleted.size + sent;
    await eventually(async () => {
      await phone.sync(inbox);
      return phone.in(inbox).size < expected ? undefined : true;
    }, 'what was sent to arrive');
    assert.equal(phone.in(inbox).size, expected, 'each was sent once');
  });
});
