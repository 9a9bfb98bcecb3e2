import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { it } from 'node:test';
import { freePorts, ownPorts } from './ports.ts';

const take = async (from: AsyncGenerator<number>): Promise<number> => (await from.next()).value;

it('ports are given once, to one taker, from where the system gives none by itself', async () => {
  // More than a block has.
  const [some, others] = await Promise.all([freePorts(30), freePorts(30)]);
  const rivals = [await take(ownPorts()), await take(ownPorts())];
  const all = [...some, ...others, ...rivals];
  assert.equal(new Set(all).size, 62);
  assert.ok(
    all.every((port) => port > 10_000 && port < 16_000),
    String(all),
  );
});

it('one that somebody listens at is passed over', async () => {
  const ports = ownPorts();
  const next = (await take(ports)) + 1;
  const left = createServer().listen(next, '127.0.0.1');
  await once(left, 'listening');
  assert.equal(await take(ports), next + 1);
  left.close();
});
