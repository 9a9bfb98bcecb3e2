// What several nodes say of their webhooks, put together.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { OperationParts } from './operation-parts.ts';
import { operationsOver } from './operations.ts';

const at = (second: number): string => `2026-11-30T12:00:${String(second).padStart(2, '0')}.000Z`;
const attempt = (id: string, second: number) => ({
  ...{ at: Date.parse(at(second)), event: 'message.bounced', id, attempt: 1, ms: 3, status: 503 },
  ...{ problem: '503', retryAt: Date.parse(at(59)) },
});
const told = (id: string, second: number) => {
  const { retryAt: _, ...said } = attempt(id, second);
  return { ...said, at: at(second) };
};
const app = { name: 'app', url: 'https://app.example.org/', events: ['bounced'] };

function listOf(node: string, answers: readonly unknown[], silent: readonly unknown[] = []) {
  const desk = {
    webhooks: {
      list: () => [
        { ...{ ...app, waiting: 2, givenUp: 1 }, nextAttempt: 0, attempts: [attempt('a', 20)] },
      ],
    },
    others: { ask: async (what: string) => (what === 'webhooks' ? { answers, silent } : {}) },
  };
  const parts = { nodes: { name: node }, server: desk } as unknown as OperationParts;
  return Array.fromAsync(operationsOver(parts).webhookList());
}

it('of one server there is what it has', async () => {
  const [one, ...more] = await listOf('', []);
  assert.deepEqual(more, []);
  assert.deepEqual(one, {
    ...{ ...app, waiting: 2, givenUp: 1, nextAttempt: '1970-01-01T00:00:00.000Z' },
    ...{ attempts: [{ ...told('a', 20), node: null }], nodes: [], silent: [] },
  });
});

it('of several there is what waits at all and at each, the last attempts, and who did not say', async () => {
  const attempts = Array.from({ length: 20 }, (_, i) => told(`b${i}`, 41 - i * 2));
  const theirs = [
    { ...app, waiting: 5, givenUp: 0, nextAttempt: null, attempts },
    { ...app, name: 'new', waiting: 0, givenUp: 0, nextAttempt: null, attempts: [] },
  ];
  const answers = [
    { node: 'two', said: theirs },
    { node: 'old', said: 'something else' },
  ];
  const gone = { node: 'three', state: 'gone' };
  const [one, other, ...more] = await listOf('one', answers, [gone]);
  assert.deepEqual(more, []);
  const silent = [gone, { node: 'old', state: 'silent' }];
  assert.deepEqual(
    { ...one, attempts: one!.attempts.map(({ node, id }) => `${node} ${id}`) },
    {
      ...{ ...app, waiting: 7, givenUp: 1, nextAttempt: '1970-01-01T00:00:00.000Z' },
      attempts: [
        ...Array.from({ length: 11 }, (_, i) => `two b${i}`),
        'one a',
        ...Array.from({ length: 8 }, (_, i) => `two b${i + 11}`),
      ],
      nodes: [
        { node: 'one', waiting: 2, givenUp: 1, nextAttempt: '1970-01-01T00:00:00.000Z' },
        { node: 'two', waiting: 5, givenUp: 0, nextAttempt: null },
      ],
      silent,
    },
  );
  // Which the node that is asked has not read of yet.
  assert.deepEqual([other!.name, other!.nodes.map(({ node }) => node)], ['new', ['two']]);
  assert.deepEqual(other!.silent, silent);
});
