// What an operator sees of connections that are open: of each protocol what it is at.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { it } from 'node:test';
import { startTestServer } from '../../src/testing/index.ts';
import { eventually } from '../process.ts';

it('of each protocol it is seen what its connections are at', async () => {
  const on = { host: '127.0.0.1', port: 0, insecureAuth: true } as const;
  await using server = await startTestServer({
    accounts: [{ address: 'ann@example.org', password: 'correct horse battery' }],
    config: {
      domains: ['example.org'],
      listeners: [
        { service: 'smtp', host: '127.0.0.1', port: 0 },
        { service: 'imap', ...on },
        { service: 'pop3', ...on },
      ],
    },
  });
  const { operations, listeners } = server.server;
  const open = (service: string) => {
    const socket = connect(listeners.find((one) => one.service === service)!.port, '127.0.0.1');
    socket.on('data', () => {}).on('error', () => {});
    return socket;
  };
  const isAt = async (service: string, phase: string) => {
    const seen = async () => {
      const [one] = (await operations.sessionList({ service })).sessions;
      return one?.phase === phase ? one : undefined;
    };
    return eventually(seen, `${service} at ${phase}`);
  };
  const imap = open('imap');
  await isAt('imap', 'not-authenticated');
  imap.write('a LOGIN ann@example.org "correct horse battery"\r\n');
  assert.equal((await isAt('imap', 'authenticated')).account, 'ann@example.org');
  imap.write('b SELECT INBOX\r\n');
  await isAt('imap', 'selected');
  imap.write('c IDLE\r\n');
  await isAt('imap', 'idle');
  const pop3 = open('pop3');
  await isAt('pop3', 'authorization');
  pop3.write('USER ann@example.org\r\nPASS correct horse battery\r\n');
  assert.equal((await isAt('pop3', 'transaction')).account, 'ann@example.org');
  imap.destroy();
  pop3.destroy();
});
