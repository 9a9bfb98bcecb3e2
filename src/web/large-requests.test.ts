import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HTTPException } from 'hono/http-exception';
import { accountRoomBytes, LargeRequests } from './large-requests.ts';

const half = accountRoomBytes / 2;
const ann = 'ann@example.org';

function client() {
  const given: (() => void)[] = [];
  return {
    over: (then: () => void) => void given.push(then),
    end: () => void given.splice(0).forEach((then) => void then()),
    waited: [] as number[],
    waits(ms: number) {
      this.waited.push(ms);
    },
  };
}

const posted = (octets?: number) =>
  new Request('http://localhost/', {
    method: 'POST',
    body: 'x',
    headers: octets === undefined ? {} : { 'content-length': String(octets) },
  });

/** Whether it has resolved when all else has been done. */
async function isThere(room: Promise<unknown>): Promise<boolean> {
  let is = false;
  void room.then(() => {
    is = true;
  });
  await new Promise(setImmediate);
  return is;
}

describe('large requests of an account', () => {
  it('have so much room together, until their answers have been sent', async () => {
    const large = new LargeRequests();
    const [one, two, three] = [client(), client(), client()];
    const body = (of: ReturnType<typeof client>, octets: number, whose = ann) =>
      large.body(of, whose, posted(octets), accountRoomBytes);
    assert.ok(await isThere(body(one, half)));
    assert.ok(await isThere(body(two, half)));
    const third = body(three, half);
    assert.ok(!(await isThere(third)), 'there is no room');
    assert.ok(await isThere(body(client(), half, 'bob@example.org')), 'others have their own');
    assert.ok(await isThere(body(client(), 1000)), 'what is small is not counted');
    two.end();
    assert.ok(await isThere(third));
    assert.deepEqual(three.waited, [600_000, 60_000], 'nobody calls it silent meanwhile');
  });

  it('that do not say how large they are may be as large as any; what is too large is refused unread', async () => {
    const large = new LargeRequests();
    assert.ok(await isThere(large.body(client(), ann, posted(), accountRoomBytes)));
    assert.ok(!(await isThere(large.body(client(), ann, posted(half), accountRoomBytes))));
    assert.ok(await isThere(large.body(client(), ann, posted(half + 1), half)));
  });

  it('that turn out to be small leave their room to others, however long they wait for their answer', async () => {
    const large = new LargeRequests();
    const [ping, other, third] = [client(), client(), client()];
    const haveRead = await large.body(ping, ann, posted(), accountRoomBytes);
    const next = large.body(other, ann, posted(accountRoomBytes), accountRoomBytes);
    assert.ok(!(await isThere(next)));
    haveRead(100);
    assert.ok(await isThere(next));
    (await next)(accountRoomBytes);
    // What is given back once is not given back again.
    ping.end();
    const last = large.body(third, ann, posted(half), accountRoomBytes);
    assert.ok(!(await isThere(last)));
    other.end();
    assert.ok(await isThere(last));
  });

  it('have a room of its own for their answers, once for all of one', async () => {
    const large = new LargeRequests();
    await large.body(client(), ann, posted(accountRoomBytes), accountRoomBytes);
    const [one, two] = [client(), client()];
    const room = large.answerOf(one, ann);
    assert.ok(await isThere(room(1000)));
    assert.ok(await isThere(room(accountRoomBytes)));
    assert.ok(await isThere(room(half)), 'it does not wait for itself');
    const other = large.answerOf(two, ann)(half);
    assert.ok(!(await isThere(other)));
    one.end();
    assert.ok(await isThere(other));
  });

  it('whoever leaves while it waits is forgotten, and reads nothing', async () => {
    const large = new LargeRequests();
    const [one, two, three] = [client(), client(), client()];
    const body = (of: ReturnType<typeof client>, octets: number) =>
      large.body(of, ann, posted(octets), accountRoomBytes);
    await body(one, half);
    const second = body(two, accountRoomBytes);
    const third = body(three, half);
    assert.ok(!(await isThere(third)), 'the second is before it');
    two.end();
    await assert.rejects(second, HTTPException);
    assert.ok(await isThere(third));
    one.end();
    three.end();
    assert.ok(await isThere(body(client(), accountRoomBytes)), 'all is given back');
  });
});
