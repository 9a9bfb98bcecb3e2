import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { seededRandom } from '../base/random.ts';
import type { Reply } from '../smtp/reply.ts';
import { reply } from '../smtp/reply.ts';
import { MemoryPeer } from './memory-peer.ts';
import type { Peer } from './peer.ts';
import { endServices, PeerService } from './service.ts';

const full = reply(421, '3.2', 'Too many');

/** A service whose conversations end when they are told to. */
function service({ room = 2 } = {}) {
  const open = new Set<string>();
  const told: string[] = [];
  const sessions: string[] = [];
  const ends: (() => void)[] = [];
  const parts = {
    connections: {
      admit: (address: string): Reply | undefined => {
        if (open.size >= room) return full;
        open.add(address);
        return undefined;
      },
      release: (address: string) => void open.delete(address),
    },
    converse: (_peer: Peer, session: string) => {
      sessions.push(session);
      const over = Promise.withResolvers<void>();
      ends.push(over.resolve);
      return {
        run: () => over.promise,
        shutdown: () => void told.push('shutdown'),
        destroy: () => void told.push('destroy'),
        ended: () => void told.push(`ended with ${open.size} open`),
      };
    },
    turnAway: (client: string, objection: Reply | 'stopping') =>
      `${client} ${objection === 'stopping' ? objection : objection.lines[0]}\r\n`,
    random: seededRandom(1),
  };
  return { service: new PeerService(parts), open, told, sessions, ends };
}

const from = (address: string) => new MemoryPeer({ remote: { address, port: 1 } });

describe('PeerService', () => {
  it('counts conversations in and out, and gives each session a name of its own', async () => {
    const test = service();
    test.service.accept(from('192.0.2.1'));
    test.service.accept(from('192.0.2.2'));
    assert.equal(test.service.conversations, 2);
    assert.equal(new Set(test.sessions).size, 2);
    test.ends[0]!();
    await Promise.resolve();
    assert.equal(test.service.conversations, 1);
    assert.deepEqual(test.told, ['ended with 1 open'], 'after it has been counted out');
  });

  it('says why to whom it turns away, and then nothing more', async () => {
    const test = service({ room: 0 });
    const peer = from('192.0.2.1');
    test.service.accept(peer);
    assert.equal(test.service.conversations, 0);
    assert.equal(await peer.hear(), '192.0.2.1 Too many\r\n');
  });

  it('a stop is told to each, turns away whoever comes, and is over with the last', async () => {
    const test = service();
    test.service.accept(from('192.0.2.1'));
    let stops = 0;
    const stopped = [test.service.shutdown(), test.service.shutdown()];
    for (const one of stopped) void one.then(() => (stops += 1));
    const late = from('192.0.2.2');
    test.service.accept(late);
    assert.equal(await late.hear(), '192.0.2.2 stopping\r\n');
    test.service.destroy();
    assert.deepEqual(test.told, ['shutdown', 'shutdown', 'destroy']);
    assert.equal(stops, 0);
    test.ends[0]!();
    await Promise.all(stopped);
    assert.equal(test.open.size, 0);
    await test.service.shutdown();
  });
});

describe('endServices', () => {
  it('waits for what is under way, cuts it off, and goes on without what never ends', async () => {
    const clock = new FakeClock();
    const [patient, hung] = [service(), service()];
    for (const one of [patient, hung]) one.service.accept(from('192.0.2.1'));
    let isOver = false;
    const ended = endServices([patient.service, hung.service], { graceMs: 10_000, clock });
    void ended.then(() => {
      isOver = true;
    });
    await clock.advance(9_999);
    patient.ends[0]!();
    assert.deepEqual(hung.told, ['shutdown']);
    await clock.advance(1);
    assert.deepEqual([...hung.told, isOver], ['shutdown', 'destroy', false]);
    await clock.advance(2_000);
    assert.ok(isOver);
  });

  it('ends with the last conversation, and leaves no timer', async () => {
    const clock = new FakeClock();
    const one = service();
    one.service.accept(from('192.0.2.1'));
    const ended = endServices([one.service], { graceMs: 10_000, clock });
    one.ends[0]!();
    await ended;
    assert.equal(clock.nextTimer(), undefined);
    assert.ok(!one.told.includes('destroy'));
  });
});
