import assert from 'node:assert/strict';
import { it } from 'node:test';
import { z } from 'zod';
import { withoutSecrets } from '../policy/administration/audit-log.ts';
import { operations } from './operations.ts';
import { ownOperations } from './own/own-operations.ts';

interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
}

/** Something of this shape; every text in it is the path of names that lead to it. */
function sample({ properties, items, anyOf }: Shape, path: readonly string[] = []): unknown {
  if (anyOf !== undefined) return sample(anyOf.at(-1)!, path);
  if (items !== undefined) return [sample(items, path)];
  if (properties === undefined) return `at ${path.join('.')}`;
  return Object.fromEntries(
    Object.entries(properties).map(([name, shape]) => [name, sample(shape, [...path, name])]),
  );
}

it('what is on record of an input is what is listed here: no password, no code, no mail', () => {
  const shown = new Set<string>();
  const all = [...Object.values(operations), ...Object.values(ownOperations)];
  for (const { changes, input } of all) {
    if (!changes) continue;
    const given = sample(z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }) as Shape);
    const recorded = JSON.stringify(withoutSecrets(given));
    for (const [, path] of recorded.matchAll(/"at ([\w.]+)"/g)) shown.add(path!);
  }
  assert.deepEqual([...shown].sort(), [
    ...['account', 'add', 'address', 'allows', 'answers', 'bcc'],
    ...['blocked', 'cancel', 'cc'],
    ...['days', 'destination', 'device', 'dryRun', 'filter.destination', 'filter.recipient'],
    ...['filter.sender', 'filter.since', 'filter.state', 'filter.text', 'filter.until'],
    ...['flags', 'folder'],
    'followRedirects',
    ...['from', 'headerOnly', 'id', 'idempotencyKey', 'ids', 'name', 'note', 'passkey'],
    ...['reason', 'received', 'remove', 'replyTo', 'rules.filters.name', 'rules.filters.stop'],
    ...['rules.forward.keepCopy', 'rules.forward.to', 'rules.vacation.days'],
    ...['rules.vacation.from', 'rules.vacation.subject', 'rules.vacation.text'],
    ...['rules.vacation.until', 'silent', 'tags', 'to', 'type', 'wholeDevice'],
  ]);
});
