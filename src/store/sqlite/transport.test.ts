// What crosses to the store's thread, over one that is made up.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { it } from 'node:test';
import type { BatchResult, Request } from './requests.ts';
import type { FromWorker, ToWorker } from './serve-store.ts';
import { openInWorker } from './transport.ts';

const nothing = { answers: [], freedFiles: [], unflushed: false, touched: [], transfer: [] };

it('a batch that cannot be sent fails by itself, and the next one gets its own answer', async () => {
  const events = new EventEmitter();
  const say = (message: FromWorker) => setImmediate(() => events.emit('message', message));
  const thread = Object.assign(events, {
    postMessage(message: unknown, transfer: readonly ArrayBuffer[] = []) {
      const { kind } = structuredClone(message as ToWorker, { transfer: [...transfer] });
      const result: BatchResult = { ...nothing, answers: [{ ok: true, value: 'mine' }] };
      if (kind === 'batch') say({ kind: 'result', result });
    },
  });
  say({ kind: 'ready', recovered: 0 });
  const transport = await openInWorker({
    ...{ path: '', spoolDirectory: '', exclusive: true, now: 0, start: () => thread },
    onFailure: (error) => assert.fail(error),
  });
  const request = (...args: unknown[]) =>
    [{ name: 'newest', args, durability: 'read', contents: [] }] as unknown as readonly Request[];
  await assert.rejects(transport.run(request(() => {})), /could not be cloned/);
  assert.deepEqual((await transport.run(request())).answers, [{ ok: true, value: 'mine' }]);
});
