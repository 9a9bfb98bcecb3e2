import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { endSlowBody } from './slow-body.ts';

/** A request of which so much has come; each tick is as long as `bodyBytes` may take. */
function watched(t: TestContext, headers: Readonly<Record<string, string>>) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const state = { destroyed: 0 };
  const socket = { bytesRead: 500, destroy: () => (state.destroyed += 1) };
  const buffered = { readableLength: 0, readableHighWaterMark: 64 };
  const incoming = Object.assign(new EventEmitter(), {
    ...{ headers, socket, complete: false },
    ...buffered,
  });
  const outgoing = { writableFinished: false };
  endSlowBody(incoming as never, outgoing as never, { requestMs: 60, bodyBytes: 100 });
  const after = (octets: number): number => {
    socket.bytesRead += octets;
    t.mock.timers.tick(60);
    return state.destroyed;
  };
  return { incoming, outgoing, after };
}

describe('a body', () => {
  for (const headers of [{ 'content-length': '1000' }, { 'transfer-encoding': 'chunked' }])
    it(`with ${Object.keys(headers)} has time for each piece, and none for a pause behind much`, (t) => {
      const { after } = watched(t, headers);
      assert.equal(after(10_000), 0);
      assert.equal(after(100), 0);
      assert.equal(after(99), 1);
    });

  it('that is none takes as long as it likes', (t) => {
    assert.equal(watched(t, {}).after(0), 0);
  });

  it('that is over does, too', (t) => {
    const { incoming, after } = watched(t, { 'content-length': '1000' });
    incoming.complete = true;
    assert.equal(after(0), 0);
  });

  it('whose connection has ended is not looked at any more', (t) => {
    const { incoming, after } = watched(t, { 'content-length': '1000' });
    incoming.emit('close');
    assert.equal(after(0), 0);
  });

  it('that nobody has begun to read waits for us', (t) => {
    const { incoming, outgoing, after } = watched(t, { 'content-length': '1000' });
    incoming.readableLength = 64;
    assert.equal(after(0), 0);
    outgoing.writableFinished = true;
    assert.equal(after(0), 1);
  });

  it('is not awaited behind its answer', (t) => {
    const { outgoing, after } = watched(t, { 'content-length': '1000' });
    outgoing.writableFinished = true;
    assert.equal(after(10_000), 1);
  });
});
