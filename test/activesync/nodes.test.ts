// A phone that asks two nodes the same at once, as behind a load balancer when an answer does not come: what it asks is done
// once, and what it has afterwards is what is there.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { testCluster, withoutPostgres } from '../../src/store/postgres/test-cluster.ts';
import { freePorts } from '../ports.ts';
import { eventually, startProcess } from '../process.ts';
import { Phone } from './phone.ts';
import type { Node } from './wire.ts';

const password = 'correct horse battery';
const ann = 'ann@example.org';
const rounds = 12;

describe('a phone and two nodes', { skip: withoutPostgres() }, () => {
  it('asks both at once, and nothing is done or told twice, or never', async () => {
    const ports = (await freePorts(2)) as [number, number];
    const url = await (await testCluster()).database();
    const config = (node: string, port: number) => ({
      hostname: 'mx.example.org',
      domains: ['example.org'],
      store: { kind: 'postgres', url, node, connections: 6 },
      activeSync: {},
      listeners: [{ service: 'http', host: '127.0.0.1', port }],
    });
    await using first = await startProcess(config('one', ports[0]));
    await using _second = await startProcess(config('two', ports[1]));
    await first.commandWithInput(`${password}\n`, 'account', 'add', ann, '--password-stdin');
    const file = join(first.directory, 'in.mbox');
    let come = 0;
    const comes = async (count: number) => {
      const mails = Array.from({ length: count }, () => {
        come += 1;
        return `From a@b Thu Jan  1 00:00:00 2026\nSubject: m${come}\n\nText.\n\n`;
      });
      writeFileSync(file, mails.join(''));
      await first.command('mail', 'import', '--address', ann, file);
    };
    await comes(20);
    const doors = ports.map((port) => `http://127.0.0.1:${port}/Microsoft-Server-ActiveSync`);
    const phone = new Phone({
      ...{ url: `http://127.0.0.1:${ports[0]}`, user: ann, password, version: '16.1' },
    });
    await phone.setUp();
    const inbox = phone.folder('2');
    await phone.sync(inbox, 7);
    /** At both; one of the answers is heard. */
    const askBoth = async (command: string, body: Node, round: number) => {
      const asked = doors.map((door) => {
        phone.url = door;
        return phone.ask(command, body);
      });
      const answers = await Promise.all(asked);
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 200],
      );
      return answers[round % 2]!;
    };
    for (let round = 0; round < rounds; round += 1) {
      const [id] = phone.in(inbox).keys();
      const asked = phone.request(inbox, [
        ['AirSync:WindowSize', '3'],
        ['AirSync:Commands', ['AirSync:Delete', ['AirSync:ServerId', id!]]],
      ]);
      const coming = comes(2);
      const { doc } = await askBoth('Sync', asked, round);
      phone.in(inbox).delete(id!);
      phone.take(doc!);
      await coming;
      const mail = `From: ${ann}\r\nTo: ${ann}\r\nMessage-ID: <c${round}@example.org>\r\n\r\nWords.\r\n`;
      const sent: Node = ['ComposeMail:MIME', Buffer.from(mail)];
      await askBoth(
        'SendMail',
        ['ComposeMail:SendMail', ['ComposeMail:ClientId', `c${round}`], sent],
        round,
      );
    }
    const expected = come;
    // What was sent is delivered after it was answered.
    await eventually(async () => {
      await phone.sync(inbox, 7);
      return phone.in(inbox).size < expected ? undefined : true;
    }, 'everything to be there');
    await phone.sync(inbox, 7);
    assert.equal(phone.in(inbox).size, expected, 'each is there, and was sent, once');
    const trash = phone.folder('4');
    await phone.sync(trash);
    assert.equal(phone.in(trash).size, rounds);
  });
});
