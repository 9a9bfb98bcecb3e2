import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { SocketPeer } from './socket-peer.ts';

/** A Peer, and the client at the other end that never reads. */
async function openPair(): Promise<AsyncDisposable & { peer: SocketPeer; client: Socket }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  client.pause();
  const [socket] = (await once(server, 'connection')) as [Socket];
  const peer = new SocketPeer(socket);
  return {
    peer,
    client,
    async [Symbol.asyncDispose]() {
      peer.destroy();
      client.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

// More than any kernel takes on without a reader.
const flood = Buffer.alloc(64 * 2 ** 20);

async function turns(count: number): Promise<false> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
  return false;
}

describe('SocketPeer', () => {
  it('drops a peer that takes nothing of what is written', async () => {
    await using pair = await openPair();
    await assert.rejects(async () => pair.peer.write(flood, 50), { name: 'PeerTimeout' });
  });

  it('drops a peer that takes nothing of what was left at the end', async () => {
    await using pair = await openPair();
    const written = pair.peer.write(flood, 50)!;
    await Promise.all([pair.peer.end(), assert.rejects(written, { name: 'PeerTimeout' })]);
  });

  it('RFC 5321 §3.8: a peer that goes on sending still gets to read what was written last', async () => {
    await using pair = await openPair();
    const { client, peer } = pair;
    let heard = '';
    let problem: Error | undefined;
    client.on('error', (error) => {
      problem = error;
    });
    client.write(Buffer.alloc(2 ** 20));
    await peer.read(10_000);
    await peer.write('421 enough\r\n');
    const ended = peer.end(10_000).then(() => peer.destroy());
    // It has more to say than fits into any buffer, and only then looks.
    client.end(Buffer.alloc(6 * 2 ** 20));
    client.on('data', (bytes) => {
      heard += bytes;
    });
    client.resume();
    await ended;
    if (!client.destroyed) await once(client, 'close');
    assert.equal(problem, undefined);
    assert.equal(heard, '421 enough\r\n');
  });

  it('… but not for ever', async () => {
    await using pair = await openPair();
    await pair.peer.write('421 enough\r\n');
    await pair.peer.end(20); // the client never ends
    await pair.peer.end(20);
  });

  it('what has been sent may be written to: the client gets what it was', async () => {
    await using pair = await openPair();
    const { client, peer } = pair;
    const hash = createHash('sha256');
    const received = createHash('sha256');
    client.on('data', (bytes) => received.update(bytes));
    const block = Buffer.alloc(2 ** 16);
    for (let round = 0; round < 256; round += 1) {
      block.fill(round);
      hash.update(block);
      const sent = peer.write(block, 10_000, 'sent');
      // More than the kernel takes: from some round on, nothing moves until the client reads.
      if (round === 200) client.resume();
      if (round < 200 && !(await Promise.race([sent?.then(() => true) ?? true, turns(200)])))
        client.resume();
      await sent;
    }
    await peer.end();
    if (!client.readableEnded) await once(client, 'end');
    assert.equal(received.digest('hex'), hash.digest('hex'));
  });

  it('drops a peer that does not let what was written be sent', async () => {
    await using pair = await openPair();
    const sendAll = async () => {
      for (;;) await pair.peer.write(flood.subarray(0, 1000), 50, 'sent');
    };
    await assert.rejects(sendAll(), { name: 'PeerTimeout' });
  });

  it('gives back the memory of what was read', async () => {
    await using pair = await openPair();
    pair.client.write(Buffer.alloc(50_000, 'x'));
    const read = (await pair.peer.read(1000))!;
    pair.peer.free(read);
    assert.equal(read.length, 0);
  });

  it('says when the peer will say no more, though nobody reads', async () => {
    await using pair = await openPair();
    const left = new Promise<void>((resolve) => pair.peer.onLeave(resolve));
    pair.peer.onLeave(() => assert.fail('forgotten'))();
    pair.client.end('last words');
    await left;
    assert.equal(String(await pair.peer.read(1000)), 'last words');
    await new Promise<void>((resolve) => pair.peer.onLeave(resolve));
  });

  it('holds back a peer that sends while nobody reads', async () => {
    await using pair = await openPair();
    const { client, peer } = pair;
    let sent = 0;
    const block = Buffer.alloc(2 ** 16);
    while (sent < flood.length) {
      sent += block.length;
      if (!client.write(block)) {
        const drained = new Promise((resolve) => client.once('drain', () => resolve(true)));
        // What the kernel does not take within some turns of the event loop, it does not take.
        if (!(await Promise.race([drained, turns(200)]))) break;
      }
    }
    assert.ok(sent < flood.length, 'it could send all of it');
    client.end();
    let received = 0;
    for (;;) {
      const chunk = await peer.read(10_000);
      if (chunk === undefined) break;
      received += chunk.length;
    }
    assert.equal(received, sent, 'and nothing is lost');
  });
});
