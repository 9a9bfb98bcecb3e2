import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { StoredRecord } from '../../store/record-store.ts';
import type { Context, OutgoingMail } from './context.ts';
import { sendOut, wasSent } from './outgoing.ts';

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
  const message = Buffer.from(
    'From: ann@example.org\r\nTo: bob@example.org, "eve@example.net, x"@example.org\r\n\r\nx\r\n',
  );
  await sendOut(context, { message, saveInSent: true, source: undefined });
  // One address, though its local part looks like another one.
  const recipients = ['bob@example.org', '"eve@example.net, x"@example.org'];
  assert.deepEqual([sent, logged], [recipients, ['sent mail not kept']]);
});

it('what is asked for again by its name goes on from where it was cut off, and is sent once', async () => {
  const kept = new Map<string, StoredRecord>();
  const sent: string[] = [];
  const copies: string[] = [];
  let isBroken = true;
  const context = {
    call: { account: 'ann@example.org', client: '192.0.2.1', line: { deviceId: 'phone1' } },
    clock: { now: () => 0 },
    records: {
      get: async (_: string, key: string) => kept.get(key),
      put: async (all: readonly StoredRecord[]) => {
        for (const each of all) kept.set(each.key, each);
      },
    },
    store: {
      ensure: async () => {
        if (isBroken) throw new Error('cut off');
      },
      folders: async () => [{ id: 7, specialUse: 'Sent' }],
      search: async (_: number, { text }: { readonly text: string }) =>
        copies.filter((each) => each === text),
      append: async () => void copies.push('<m@example.org>'),
    },
    settings: () => ({ messageSize: 1_000 }),
    send: async ({ recipients, record }: OutgoingMail) => {
      sent.push(...recipients);
      kept.set(record!.key, record!);
    },
    log: { error() {} },
  } as unknown as Context;
  const message = Buffer.from(
    'From: ann@example.org\r\nTo: bob@example.org\r\nMessage-ID: <m@example.org>\r\n\r\nx\r\n',
  );
  const outgoing = { message, saveInSent: true, source: undefined, name: 'n1' };
  await sendOut(context, outgoing);
  assert.deepEqual([sent.length, copies.length], [1, 0]);
  isBroken = false;
  assert.ok(await wasSent(context, 'n1'));
  await sendOut(context, outgoing);
  await sendOut(context, outgoing);
  assert.deepEqual([sent.length, copies.length], [1, 1]);
  // Cut off between the copy and the word of it.
  for (const record of kept.values()) kept.set(record.key, { ...record, value: '' });
  await sendOut(context, outgoing);
  assert.deepEqual([sent.length, copies.length], [1, 1]);
  await sendOut(context, { ...outgoing, name: 'n2' });
  assert.equal(sent.length, 2);
});

it('the copy of what is large is kept as a file, which others read in pieces', async () => {
  const kept: unknown[] = [];
  const context = {
    call: { account: 'ann@example.org', client: '192.0.2.1', line: { deviceId: 'phone1' } },
    clock: { now: () => 0 },
    spool: {
      store: async ({ length }: Uint8Array) => ({ kind: 'file', key: 'a', size: length }),
    },
    store: {
      ensure: async () => {},
      folders: async () => [{ id: 7, specialUse: 'Sent' }],
      append: async (_: number, [message]: readonly { readonly content: unknown }[]) =>
        void kept.push(message!.content),
    },
    settings: () => ({ messageSize: 1_000_000 }),
    send: async () => {},
    log: { error: (event: string) => void kept.push(event) },
  } as unknown as Context;
  const header = 'From: ann@example.org\r\nTo: bob@example.org\r\n\r\n';
  const message = Buffer.from(header + 'x'.repeat(200_000));
  await sendOut(context, { message, saveInSent: true, source: undefined });
  assert.deepEqual(kept, [{ kind: 'file', key: 'a', size: message.length }]);
});
