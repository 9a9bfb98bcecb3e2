// What phones ask by HTTP, before it is a command.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { Counter } from '../base/metrics.ts';
import { activeSyncPath } from './activesync.ts';
import { accountRoomBytes, LargeRequests } from './large-requests.ts';
import { createWebApp } from './web-app.ts';

describe('the path of ActiveSync', () => {
  it('a call that waits, and did not say how large it is, leaves the room of its account to others', async () => {
    const asked: string[] = [];
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    const path = activeSyncPath({
      enabled: () => true,
      redirect: () => undefined,
      login: async () => ({ kind: 'logged-in', account: 'ann@example.org' }),
      async answer({ line }) {
        asked.push(line.command);
        if (line.command === 'Ping') await over;
        return { kind: 'empty' };
      },
      refused: ({ reason }) => assert.fail(reason),
      messageSize: () => accountRoomBytes / 2,
      large: new LargeRequests(),
    });
    const counter = () => new Counter();
    const answers = { '2xx': counter(), '3xx': counter(), '4xx': counter(), '5xx': counter() };
    const app = createWebApp({ paths: [path], answers, log: silentLog });
    const call = (command: string) => {
      const url = `https://mx.test/Microsoft-Server-ActiveSync?Cmd=${command}&User=ann&DeviceId=d1&DeviceType=t`;
      const headers = {
        authorization: `Basic ${Buffer.from('ann@example.org:x').toString('base64')}`,
        'ms-asprotocolversion': '16.1',
        'content-type': 'message/rfc822',
      };
      const request = new Request(url, { method: 'POST', headers, body: 'x' });
      const client = { address: '192.0.2.1', secure: true, over: () => {} };
      return app.fetch(request, client);
    };
    const pings = [call('Ping'), call('Ping'), call('Ping')];
    assert.equal((await call('FolderSync')).status, 200);
    end();
    for (const ping of pings) assert.equal((await ping).status, 200);
    assert.deepEqual(asked, ['Ping', 'Ping', 'Ping', 'FolderSync']);
  });
});
