import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ClientWait } from './client-wait.ts';
import type { Peer } from './peer.ts';
import { PeerTimeout } from './peer.ts';

/** Tells for how long it is asked to wait. */
function peerThat(read: () => Uint8Array | undefined = () => undefined) {
  const waits: number[] = [];
  const freed: Uint8Array[] = [];
  const peer = {
    async read(ms: number) {
      waits.push(ms);
      return read();
    },
    free: (bytes: Uint8Array) => void freed.push(bytes),
  } as unknown as Peer;
  return { peer, waits, freed };
}

describe('net/client-wait', () => {
  it('a new command begins the wait anew, reading again does not', async () => {
    let now = 0;
    const wait = new ClientWait({ now: () => now });
    const { peer, waits } = peerThat();
    const first = { commands: 0, timeoutMs: 60_000 };
    const second = { commands: 1, timeoutMs: 60_000 };
    await wait.read(peer, first);
    now = 20_500;
    await wait.read(peer, first);
    await wait.read(peer, second);
    now += 60_000;
    assert.equal(await wait.read(peer, second), 'timeout');
    wait.restart();
    await wait.read(peer, second);
    await wait.read(peer, { ...second, wholeMs: 7_200_000 });
    assert.deepEqual(waits, [60_000, 40_000, 60_000, 60_000, 60_000]);
  });

  it('a silent client is told from one that has hung up, and from a broken line', async () => {
    const wait = new ClientWait({ now: () => 0 });
    const patience = { commands: 0, timeoutMs: 1 };
    const silent = peerThat(() => {
      throw new PeerTimeout();
    });
    assert.equal(await wait.read(silent.peer, patience), 'timeout');
    assert.equal(await wait.read(peerThat().peer, patience), undefined);
    const broken = peerThat(() => {
      throw new Error('reset');
    });
    await assert.rejects(wait.read(broken.peer, patience), /reset/);
  });

  it('gives back what was read last, once', async () => {
    const bytes = new Uint8Array(1);
    const { peer, freed } = peerThat(() => bytes);
    const wait = new ClientWait({ now: () => 0 });
    wait.release(peer);
    assert.equal(await wait.read(peer, { commands: 0, timeoutMs: 1 }), bytes);
    wait.release(peer);
    wait.release(peer);
    assert.deepEqual(freed, [bytes]);
  });
});
