// What a reload that fails leaves behind.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { silentLog } from '../base/log.ts';
import type { Config } from '../config/config.ts';
import { Server, type ServerParts } from './running-server.ts';

it('a reload that fails over ACME leaves certificates and their renewal as they were, and nothing else changed', async () => {
  const before = { hostname: 'before' } as Config;
  const did: string[] = [];
  const parts = {
    log: silentLog,
    state: {
      started: before,
      inForce: () => ({ config: before }),
      prepare: () => ({ relay: { close: async () => void did.push('relay closed') } }),
      change: () => did.push('in force'),
    },
    entrance: {
      certificate: { reload: async ({ hostname }: Config) => void did.push(`tls ${hostname}`) },
      listeners: { change: async () => ({ cancel: async () => void did.push('listeners stay') }) },
    },
    acme: {
      async change({ hostname }: Config) {
        did.push(`acme ${hostname}`);
        if (hostname === 'after') throw new Error('the store is gone');
      },
    },
  } as unknown as ServerParts;
  const server = new Server(parts);
  await assert.rejects(server.reload({ hostname: 'after' } as Config), /the store is gone/);
  assert.deepEqual(did, [
    ...['tls after', 'acme after', 'acme before', 'tls before'],
    ...['listeners stay', 'relay closed'],
  ]);
});
