import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { Counter } from '../../base/metrics.ts';
import { Asking } from '../asking.ts';
import { createWebApp } from '../web-app.ts';
import type { OpenWebSocket } from '../web-sockets.ts';
import type { CatcherParts } from './asked.ts';
import { eventPaths } from './events.ts';

/** One whose client answers each ping. */
class TestSocket extends EventEmitter implements OpenWebSocket {
  readonly bufferedAmount = 0;
  isOpen = true;
  send(): void {}
  ping(): void {
    this.emit('pong');
  }
  terminate(): void {
    this.isOpen = false;
    this.emit('close');
  }
}

type Take = (socket: OpenWebSocket) => void;

function open() {
  const clock = new FakeClock();
  let isKnown = true;
  const answers = () => new Counter();
  const parts = {
    clock,
    asking: new Asking({
      bearer: async () => (isKnown ? { kind: 'token', name: 'page', allows: ['read'] } : undefined),
      session: async () => undefined,
      ...{ needsNoToken: () => false, isLoopback: () => false },
    }),
    news: { listen: async () => () => {} },
    mail: () => ({ account: undefined }),
  } as unknown as CatcherParts;
  const app = createWebApp({
    paths: [eventPaths(parts)],
    answers: { '2xx': answers(), '3xx': answers(), '4xx': answers(), '5xx': answers() },
    log: silentLog,
  });
  /** What the connection is handed to, where it may become a WebSocket. */
  const ask = async (): Promise<Take | undefined> => {
    let take: Take | undefined;
    const upgrade = (then: Take) => {
      take = then;
    };
    await app.fetch(
      new Request('http://x/api/events', { headers: { authorization: 'Bearer x' } }),
      { address: '192.0.2.1', secure: true, upgrade },
    );
    return take;
  };
  const listen = (take: Take): TestSocket => {
    const socket = new TestSocket();
    take(socket);
    return socket;
  };
  return { clock, ask, listen, forget: () => (isKnown = false) };
}

describe('GET /api/events', () => {
  it('whoever may listen no more hears no more', async () => {
    const { clock, ask, listen, forget } = open();
    const socket = listen((await ask())!);
    await clock.advance(60_000);
    assert.ok(socket.isOpen);
    forget();
    await clock.advance(30_000);
    assert.ok(!socket.isOpen);
    assert.equal(await ask(), undefined);
  });

  it('of those that come at once has room for 200, and for another when one has gone', async () => {
    const { ask, listen } = open();
    const taken = await Promise.all(Array.from({ length: 300 }, ask));
    const sockets = taken.map((take) => listen(take!));
    assert.equal(sockets.filter(({ isOpen }) => isOpen).length, 200);
    assert.equal(await ask(), undefined);
    sockets[0]!.terminate();
    assert.ok(listen((await ask())!).isOpen);
  });
});
