import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createClient } from './index.ts';

function client(answer: () => Response) {
  const asked: Request[] = [];
  const made = createClient({
    ...{ url: 'https://mx.example.org:8025', token: 'secret' },
    fetch: async (...given) => {
      asked.push(new Request(...given));
      return answer();
    },
  });
  return { made, asked };
}

describe('createClient', () => {
  it('asks for an operation by its name, with a token, once', async () => {
    const { made, asked } = client(() => Response.json({ messages: [], next: null }));
    const answer = made.messageSearch({ sender: 'ann@example.org' });
    assert.deepEqual(await answer, { messages: [], next: null });
    assert.equal(asked.length, 1);
    assert.equal(asked[0]?.url, 'https://mx.example.org:8025/postrider/v1/messageSearch');
    assert.equal(asked[0]?.headers.get('authorization'), 'Bearer secret');
    assert.deepEqual(await asked[0]?.json(), { sender: 'ann@example.org' });
  });

  it('gives lists item by item, and octets piece by piece', async () => {
    const list = client(() => Response.json([{ name: 'a' }, { name: 'b' }])).made;
    const names: string[] = [];
    for await (const { name } of list.tokenList()) names.push(name);
    assert.deepEqual(names, ['a', 'b']);
    const octets = client(() => new Response(Buffer.from('raw'))).made;
    const pieces: Uint8Array[] = [];
    for await (const piece of octets.mailShow({ address: 'a@x', id: '1' })) pieces.push(piece);
    assert.equal(Buffer.concat(pieces).toString(), 'raw');
  });

  it('may be awaited, and gone through, more than once', async () => {
    const { made, asked } = client(() => Response.json([{ name: 'a' }]));
    const list = made.tokenList();
    for (const _ of [1, 2]) {
      assert.deepEqual(await list, [{ name: 'a' }]);
      assert.deepEqual(await Array.fromAsync(list), [{ name: 'a' }]);
    }
    const other = made.tokenList();
    for (const _ of [1, 2]) assert.deepEqual(await Array.fromAsync(other), [{ name: 'a' }]);
    assert.equal(asked.length, 2);
  });

  it('throws what the server says', async () => {
    const { made } = client(() => Response.json({ error: 'no such message' }, { status: 400 }));
    await assert.rejects(async () => made.queueShow({ id: 'x' }), {
      ...{ name: 'ClientError', status: 400, message: 'no such message' },
    });
    const broken = client(() => new Response('<html>', { status: 502 })).made;
    await assert.rejects(async () => broken.queueShow({ id: 'x' }), /the server answered 502/);
  });
});
