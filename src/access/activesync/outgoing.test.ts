import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Context } from './context.ts';
import { sendOut } from './outgoing.ts';

it('what was sent is sent, whatever becomes of its copy', async () => {
  const sent: string[] = [];
  const logged: string[] = [];
  const broken = async () => Promise.reject(new Error('the disk is full'));
  const context = {
    call: { account: 'ann@example.org', client: '192.0.2.1', line: { deviceId: 'phone1' } },
    store: { ensure: broken },
    settings: () => ({ messageSize: 1_000 }),
    send: async ({ recipients }: { readonly recipients: readonly string[] }) =>
      void sent.push(...recipients),
    log: { error: (event: string) => void logged.push(event) },
  } as unknown as Context;
  const message = Buffer.from('From: ann@example.org\r\nTo: bob@example.org\r\n\r\nx\r\n');
  await sendOut(context, { message, saveInSent: true, source: undefined });
  assert.deepEqual([sent, logged], [['bob@example.org'], ['sent mail not kept']]);
});
