// SocketPeer over a socket that does what it is told: what no kernel can be made to do at will.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { PeerTimeout } from './peer.ts';
import { SocketPeer } from './socket-peer.ts';

class FakeSocket extends Duplex {
  readonly timeouts: number[] = [];
  isHeld = false;
  #isTimed = false;
  #taken = 0;
  #held: (() => void)[] = [];

  constructor() {
    super({ allowHalfOpen: true, highWaterMark: 100 });
    this.on('error', () => {});
  }
  setTimeout(ms: number): this {
    this.timeouts.push(ms);
    this.#isTimed = ms > 0;
    return this;
  }
  /** Its time is over, which it says once. */
  ring(): void {
    if (this.#isTimed) this.emit('timeout');
    this.#isTimed = false;
  }
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, taken: () => void): void {
    const take = () => {
      this.#taken += chunk.length;
      taken();
    };
    if (this.isHeld) this.#held.push(take);
    else take();
  }
  get bytesWritten(): number {
    return this.#taken + this.writableLength;
  }
  /** The first of what was written; the rest is held. */
  takeSome(): void {
    this.#held.shift()?.();
  }
  /** The system takes what was written, the first of it at least. */
  release(): void {
    this.isHeld = false;
    for (const taken of this.#held.splice(0)) taken();
  }
}

const proxied = { address: '192.0.2.1', port: 1 };
const own = { address: '192.0.2.2', port: 25 };

function setUp(ends?: ConstructorParameters<typeof SocketPeer>[1]) {
  const socket = new FakeSocket();
  return { socket, peer: new SocketPeer(socket as unknown as Socket, ends) };
}

async function turns(): Promise<'waits'> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise(setImmediate);
  return 'waits';
}
/** What has become of it by now. */
const stateOf = (promise: Promise<unknown> | undefined): Promise<unknown> =>
  Promise.race([
    Promise.resolve(promise).then(
      (value) => (value instanceof Uint8Array ? Buffer.from(value).toString() : 'done'),
      (error: Error) => error.message,
    ),
    turns(),
  ]);

/** How many timers have been set that were not stopped, where none has rung. */
function runningTimers(t: TestContext): () => number {
  const set = t.mock.method(globalThis, 'setTimeout');
  const cleared = t.mock.method(globalThis, 'clearTimeout');
  return () => {
    const running = new Set(set.mock.calls.map(({ result }) => result));
    for (const call of cleared.mock.calls) running.delete(call.arguments[0] as NodeJS.Timeout);
    return running.size;
  };
}

/** Returns what lets milliseconds pass. */
function fakeTime(t: TestContext): (ms: number) => void {
  let now = 1_000;
  t.mock.method(performance, 'now', () => now);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  return (ms) => {
    now += ms;
    t.mock.timers.tick(ms);
  };
}

describe('SocketPeer: what is read', () => {
  it('ends are those that a proxy has told of', () => {
    const { peer } = setUp({ remote: proxied, local: own });
    assert.deepEqual([peer.remote, peer.local], [proxied, own]);
  });

  it('every chunk goes to one reader, and waits for one', async () => {
    const { peer, socket } = setUp();
    const first = peer.read(1_000);
    assert.equal(peer.hasInput(), false);
    socket.push('a');
    assert.equal(await stateOf(first), 'a');
    socket.push('b');
    await turns();
    assert.equal(peer.hasInput(), true);
    assert.equal(await stateOf(peer.read(1_000)), 'b');
    assert.equal(peer.hasInput(), false);
  });

  it('a reader that has waited long enough is gone, the connection is not', async (t) => {
    const pass = fakeTime(t);
    const { peer, socket } = setUp();
    const first = peer.read(2_000);
    pass(1_999);
    assert.equal(await stateOf(first), 'waits');
    pass(1);
    await assert.rejects(first, new PeerTimeout('silent for 2 seconds'));
    assert.equal(socket.destroyed, false);
    socket.push('a');
    await turns();
    assert.equal(await stateOf(peer.read(2_000)), 'a');
  });

  it('each reader has its own time, and many share one timer', async (t) => {
    const pass = fakeTime(t);
    const timers = t.mock.method(globalThis, 'setTimeout');
    const { peer, socket } = setUp();
    for (let i = 0; i < 10; i += 1) {
      const reading = peer.read(2_000);
      pass(100);
      socket.push('a');
      await turns();
      assert.equal(await stateOf(reading), 'a');
    }
    assert.equal(timers.mock.callCount(), 1);
    pass(1_500); // it rings for nobody
    pass(10_000);
    await turns();
    assert.equal(socket.destroyed, false);
    const last = peer.read(2_000);
    pass(1_000);
    assert.equal(await stateOf(last), 'waits');
    pass(1_000);
    assert.equal(await stateOf(last), 'silent for 2 seconds');
    const hasty = peer.read(60_000);
    socket.push('a');
    assert.equal(await stateOf(hasty), 'a');
    const sooner = peer.read(1_000);
    pass(1_000);
    assert.equal(await stateOf(sooner), 'silent for 1 seconds');
  });

  it('one timer at most runs, whoever reads for however long, and none behind the end', async (t) => {
    const pass = fakeTime(t);
    const running = runningTimers(t);
    const { peer, socket } = setUp();
    for (let i = 0; i < 10; i += 1) {
      const reading = peer.read(i % 2 === 0 ? 1_800_000 : 60_000);
      pass(1_000);
      socket.push('a');
      assert.equal(await stateOf(reading), 'a');
      assert.equal(running(), 1);
    }
    socket.destroy();
    await turns();
    assert.equal(running(), 0);
  });

  it('whoever is told things is listened to for longer', async (t) => {
    const pass = fakeTime(t);
    const { peer } = setUp();
    const reading = peer.read(2_000);
    pass(1_500);
    assert.equal(peer.write('* 1 EXISTS'), undefined);
    pass(1_500);
    assert.equal(await stateOf(reading), 'waits');
    pass(500);
    assert.equal(await stateOf(reading), 'silent for 2 seconds');
  });

  it('… and whoever still takes what was said, as long as it does', async (t) => {
    const pass = fakeTime(t);
    const { peer, socket } = setUp();
    socket.isHeld = true;
    assert.equal(peer.write('x'.repeat(50)), undefined);
    assert.equal(peer.write('x'.repeat(49)), undefined);
    const reading = peer.read(2_000);
    socket.takeSome();
    pass(2_000);
    assert.equal(await stateOf(reading), 'waits');
    pass(2_000);
    assert.equal(await stateOf(reading), 'silent for 2 seconds', 'it takes no more');
  });

  it('… but not whoever takes nothing, however much he is told', async (t) => {
    const pass = fakeTime(t);
    const { peer, socket } = setUp();
    const reading = peer.read(2_000);
    socket.isHeld = true;
    peer.write('* 1 EXISTS');
    for (let i = 0; i < 3; i += 1) {
      pass(500);
      peer.write('* 1 EXISTS');
    }
    assert.equal(await stateOf(reading), 'waits');
    pass(500);
    assert.equal(await stateOf(reading), 'silent for 2 seconds');
  });

  it('who was slow to take what was said has all of his time once he has it', async (t) => {
    const pass = fakeTime(t);
    const { peer, socket } = setUp();
    socket.isHeld = true;
    peer.write('250 OK');
    const reading = peer.read(2_000);
    pass(1_900);
    socket.release();
    pass(1_900);
    assert.equal(await stateOf(reading), 'waits');
    pass(2_000);
    assert.equal(await stateOf(reading), 'silent for 2 seconds');
  });

  it('a reader may wait for longer than a timer can', async (t) => {
    const pass = fakeTime(t);
    const set = t.mock.method(globalThis, 'setTimeout');
    const { peer, socket } = setUp();
    const month = 30 * 86_400_000;
    const reading = peer.read(month);
    pass(2 ** 31 - 1);
    assert.equal(await stateOf(reading), 'waits');
    assert.ok(set.mock.calls.every(({ arguments: [, ms] }) => ms! < 2 ** 31));
    assert.equal(set.mock.callCount(), 2);
    pass(month);
    assert.equal(await stateOf(reading), `silent for ${month / 1000} seconds`);
    const endless = peer.read(Number.POSITIVE_INFINITY);
    pass(2 ** 31 - 1);
    socket.push('a');
    await turns();
    assert.equal(await stateOf(endless), 'a');
  });

  it('who leaves without a word is told of as that', async () => {
    const { peer, socket } = setUp();
    const left = new Promise<void>((resolve) => peer.onLeave(resolve));
    const reading = peer.read(60_000);
    socket.destroy();
    assert.equal(await stateOf(reading), 'done', 'nothing more comes');
    assert.equal(await stateOf(left), 'done');
    assert.equal(await stateOf(peer.read(0)), 'connection closed');
    assert.equal(await stateOf(peer.write('x')), 'connection closed');
  });

  it('what broke is what everybody is told', async () => {
    const { peer, socket } = setUp();
    socket.destroy(new Error('broken'));
    await turns();
    assert.equal(await stateOf(peer.read(0)), 'broken');
    assert.equal(await stateOf(peer.write('x')), 'broken');
    assert.equal(await stateOf(new Promise<void>((resolve) => peer.onLeave(resolve))), 'done');
  });

  it('who asks when the peer leaves is told once', async () => {
    const { peer, socket } = setUp();
    let told = 0;
    peer.onLeave(() => {
      told += 1;
    });
    socket.push(null);
    await turns();
    const after = new Promise<void>((resolve) => peer.onLeave(resolve));
    assert.equal(await stateOf(after), 'done', 'it is gone already');
    socket.destroy();
    await turns();
    assert.equal(told, 1);
  });
});

describe('SocketPeer: what is written', () => {
  it('is taken while there is room, and waited for when there is none', async () => {
    const { peer, socket } = setUp();
    socket.isHeld = true;
    assert.equal(await stateOf(peer.write('x', 1_000)), 'done');
    const full = peer.write('x'.repeat(100), 1_000);
    assert.equal(await stateOf(full), 'waits');
    socket.release();
    assert.equal(await stateOf(full), 'done');
    socket.emit('timeout');
    assert.equal(socket.destroyed, false, 'it is waited for no more');
  });

  it('has its time also where nobody waited when the last was over', async () => {
    const { peer, socket } = setUp();
    socket.isHeld = true;
    const first = peer.write('x'.repeat(100), 1_000);
    socket.release();
    assert.equal(await stateOf(first), 'done');
    socket.ring();
    socket.isHeld = true;
    assert.equal(peer.write('x', 1_000), undefined);
    const next = peer.write('x'.repeat(100), 1_000);
    assert.equal(await stateOf(next), 'waits');
    socket.ring();
    assert.equal(await stateOf(next), 'silent for 1 seconds');
    assert.equal(socket.destroyed, true);
  });

  it('and was sent at once is not waited for', () => {
    const { peer } = setUp();
    assert.equal(peer.write('x', 1_000, 'sent'), undefined);
  });

  it('has been sent when the system has it, each for itself', async () => {
    const { peer, socket } = setUp();
    socket.isHeld = true;
    const first = peer.write('x', 1_000, 'sent');
    const second = peer.write('y', 1_000, 'sent');
    assert.equal(await stateOf(first), 'waits');
    socket.release();
    assert.equal(await stateOf(Promise.all([first, second])), 'done');
    socket.emit('timeout');
    assert.equal(socket.destroyed, false, 'nothing is waited for any more');
  });

  it('of what was sent the others are still waited for', async () => {
    const { peer, socket } = setUp();
    socket.isHeld = true;
    const first = peer.write('x', 1_000, 'sent');
    const second = assert.rejects(async () => peer.write('y', 1_000, 'sent'), PeerTimeout);
    socket.release();
    socket.isHeld = true; // the second one is held again
    assert.equal(await stateOf(first), 'done');
    socket.emit('timeout');
    assert.equal(await stateOf(second), 'done');
    assert.equal(socket.destroyed, true);
  });
});

describe('SocketPeer: the end', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
  afterEach(() => mock.timers.reset());

  it('a peer that does not take the rest is not waited for longer than for anything else', async () => {
    for (const [timeoutMs, expected] of [
      [50, 50],
      [undefined, 30_000],
      [0, 30_000],
    ] as const) {
      const { peer, socket } = setUp();
      socket.isHeld = true;
      void peer.write('x'.repeat(100), timeoutMs)?.catch(() => {});
      const ended = peer.end();
      assert.equal(await stateOf(ended), 'waits');
      assert.equal(socket.timeouts.at(-1), expected);
      socket.emit('timeout');
      assert.equal(await stateOf(ended), 'done');
      assert.equal(socket.destroyed, true);
    }
  });

  it('… nor where nobody waits for what was written', async () => {
    const { peer, socket } = setUp();
    socket.isHeld = true;
    await peer.write('x');
    const ended = peer.end();
    socket.emit('timeout');
    assert.equal(await stateOf(ended), 'done');
    assert.equal(socket.destroyed, true);
  });

  it('what came before is there to be read, unless it is to be thrown away', async () => {
    for (const [lingerMs, expected] of [
      [0, 'before'],
      [1_000, 'waits'],
    ] as const) {
      const { peer, socket } = setUp();
      socket.push('before');
      await turns();
      socket.isHeld = true;
      await peer.write('x');
      const ended = peer.end(lingerMs);
      socket.release();
      assert.equal(await stateOf(ended), lingerMs === 0 ? 'done' : 'waits');
      assert.equal(peer.hasInput(), lingerMs === 0);
      assert.equal(await stateOf(peer.read(0)), expected);
    }
  });

  const lingering = async () => {
    const { peer, socket } = setUp();
    const ended = peer.end(1_000);
    assert.equal(await stateOf(ended), 'waits');
    return { peer, socket, ended };
  };

  it('it is waited for until the peer ends, is gone, or the time is over', async () => {
    for (const happens of [
      (socket: FakeSocket) => socket.push(null),
      (socket: FakeSocket) => socket.destroy(),
      () => mock.timers.tick(1_000),
    ]) {
      const { socket, ended } = await lingering();
      happens(socket);
      assert.equal(await stateOf(ended), 'done');
    }
  });

  it('not for one that has ended before', async () => {
    const { peer, socket } = setUp();
    socket.push(null);
    await turns();
    assert.equal(await stateOf(peer.end(1_000)), 'done');
  });

  it('8 MiB are thrown away, no more', async () => {
    const { socket, ended } = await lingering();
    for (let at = 0; at < 8; at += 1) socket.push(Buffer.alloc(2 ** 20));
    assert.equal(await stateOf(ended), 'waits');
    socket.push('x');
    assert.equal(await stateOf(ended), 'done');
  });

  it('what a peer sends is thrown away though it was held back before', async () => {
    const { peer, socket } = setUp();
    socket.push(Buffer.alloc(2 ** 20));
    await turns();
    assert.equal(socket.isPaused(), true);
    const ended = peer.end(1_000);
    await turns();
    assert.equal(socket.isPaused(), false);
    socket.push(null);
    assert.equal(await stateOf(ended), 'done');
  });
});

describe('SocketPeer: TLS put under it', () => {
  it('CVE-2011-0411: what was read before is gone, and nothing more is heard of the socket below', async () => {
    const { peer, socket } = setUp();
    const secured = new FakeSocket();
    socket.push('plain');
    socket.isHeld = true;
    await turns();
    const writing = peer.write('x'.repeat(100), 1_000);
    peer.onLeave(() => assert.fail('it has not left'));
    const securing = peer.startTls(() => secured as unknown as TLSSocket);
    assert.equal(socket.timeouts.at(-1), 0);
    const reading = peer.read(60_000);
    for (const event of ['timeout', 'drain', 'end', 'close']) socket.emit(event);
    socket.emit('data', Buffer.from('plain'));
    assert.deepEqual(await Promise.all([reading, writing].map(stateOf)), ['waits', 'waits']);
    secured.emit('secure');
    const over = await securing;
    secured.push('secret');
    assert.equal(await stateOf(over.read(1_000)), 'secret');
  });

  it('nobody is told of a silence of the socket below', async (t) => {
    const pass = fakeTime(t);
    const { peer } = setUp();
    const secured = new FakeSocket();
    const reading = peer.read(2_000);
    const securing = peer.startTls(() => secured as unknown as TLSSocket);
    pass(2_000);
    assert.equal(await stateOf(reading), 'waits');
    secured.emit('secure');
    await securing;
  });
});
