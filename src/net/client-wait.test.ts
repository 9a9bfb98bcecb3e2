import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ClientWait } from './client-wait.ts';
import type { Peer } from './peer.ts';

describe('net/client-wait', () => {
  it('a new command begins the wait anew, reading again does not', () => {
    let now = 0;
    const wait = new ClientWait({ now: () => now });
    assert.equal(wait.remainingMs(0, 60_000, 60_000), 60_000);
    now = 20_500;
    assert.equal(wait.remainingMs(0, 60_000, 60_000), 40_000);
    assert.equal(wait.remainingMs(1, 60_000, 60_000), 60_000);
    now += 60_000;
    assert.equal(wait.remainingMs(1, 60_000, 60_000), 0);
    wait.restart();
    assert.equal(wait.remainingMs(1, 60_000, 60_000), 60_000);
    assert.equal(wait.remainingMs(1, 7_200_000, 60_000), 60_000);
  });

  it('gives back what was read last, once', () => {
    const freed: Uint8Array[] = [];
    const peer = { free: (bytes: Uint8Array) => freed.push(bytes) } as unknown as Peer;
    const wait = new ClientWait({ now: () => 0 });
    const bytes = new Uint8Array(1);
    wait.release(peer);
    wait.took(bytes);
    wait.release(peer);
    wait.release(peer);
    assert.deepEqual(freed, [bytes]);
  });
});
