import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reply } from '../smtp/reply.ts';
import type { Policy, PolicyEnvelope } from './policy.ts';
import { inOrder } from './policy.ts';

const client = {
  session: 's1',
  service: 'smtp',
  remote: { address: '192.0.2.1', port: 50_000 },
  hello: 'client.example.net',
  tls: undefined,
  account: undefined,
  trusted: false,
} as const;
const envelope: PolicyEnvelope = { client, sender: null, params: [], recipients: [] };
const no = (text: string) => reply(550, '7.1', text);

describe('inOrder', () => {
  it('asks one after the other, and the first objection wins', async () => {
    const asked: string[] = [];
    const policy = (name: string, text?: string): Policy => ({
      name,
      async mail() {
        asked.push(name);
        return text === undefined ? undefined : no(text);
      },
    });
    const hooks = inOrder([policy('a'), policy('b', 'from b'), policy('c', 'from c')]);
    assert.deepEqual(await hooks.onMail?.(envelope), no('from b'));
    assert.deepEqual(asked, ['a', 'b']);
  });

  it('has no objection when no policy has one', async () => {
    const hooks = inOrder([{ name: 'calm', rcpt: () => undefined }]);
    const recipient = { local: 'ann', domain: 'example.org' };
    assert.equal(await hooks.onRecipient?.(envelope, recipient), undefined);
  });

  it('asks about one recipient after the content', async () => {
    const hooks = inOrder([
      {
        name: 'quota',
        messageFor: (_, __, { local }) => (local === 'ann' ? no('full') : undefined),
      },
    ]);
    const content = { kind: 'inline', bytes: new Uint8Array() } as const;
    const about = (local: string) =>
      hooks.onMessageFor?.(envelope, content, { local, domain: 'example.org' });
    assert.deepEqual([await about('ann'), await about('bob')], [no('full'), undefined]);
  });

  it('leaves out the stages nobody cares about', () => {
    const hooks = inOrder([{ name: 'connect', connect: () => undefined }]);
    assert.deepEqual(Object.keys(hooks), ['onConnect']);
    assert.deepEqual(Object.keys(inOrder([])), []);
  });

  it('lets a failure through, for the 451 it becomes', async () => {
    const hooks = inOrder([
      {
        name: 'broken',
        message: () => Promise.reject(new Error('scanner is down')),
      },
    ]);
    const content = { kind: 'inline', bytes: new Uint8Array() } as const;
    await assert.rejects(async () => hooks.onMessage?.(envelope, content), /scanner is down/);
  });
});
