import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../../../base/test-properties.ts';
import type { DeliveryResult, RecipientResult } from '../../../queue/delivery.ts';
import type { TlsSession } from '../../../report/tls-session.ts';
import { tlsResults } from '../../../report/tls-session.ts';
import type { Detail, Reply } from '../../../smtp/reply.ts';
import { memoryContent } from '../../../store/content.ts';
import type { RelayLease } from '../relay.ts';
import type { RelayRoute } from '../relay-route.ts';
import { RelayDesk } from './desk.ts';
import type { FromRelay } from './wire.ts';
import { attemptRow, contentsOf, leaseOf, packContents, resultOf, resultRow } from './wire.ts';

/** Objects as they are written: a clone has no other prototype. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T>(model, { noNullPrototype: true });

const param = fc.stringMatching(/^[A-Z]{1,8}=[!-<>-~]{1,8}$/);
const params = fc.array(param, { maxLength: 3 });
const lease: fc.Arbitrary<RelayLease> = record({
  message: record({
    id: fc.string(),
    received: fc.nat(),
    sender: fc.string(),
    params,
    prefix: fc.string({ unit: 'grapheme' }),
    content: fc.uint8Array({ maxLength: 50 }).map(memoryContent),
    sign: fc.boolean(),
    seal: fc.option(
      record({
        ...{ domain: fc.string(), results: fc.string({ unit: 'grapheme' }) },
        chain: fc.constantFrom('none' as const, 'pass' as const, 'fail' as const),
      }),
      { nil: undefined },
    ),
  }),
  destination: fc.string(),
  recipients: fc.array(record({ address: fc.string(), params }), { minLength: 1 }),
});
const reply: fc.Arbitrary<Reply> = record({
  code: fc.integer({ min: 200, max: 599 }),
  detail: fc.constantFrom<Detail | undefined>(undefined, '1.1', '7.5'),
  lines: fc
    .array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 3 })
    .map((lines) => lines as [string, ...string[]]),
});
const facts = fc.option(record({ host: fc.string(), tried: fc.array(fc.string()) }), {
  nil: undefined,
});
const result: fc.Arbitrary<RecipientResult> = fc.oneof(
  record({ kind: fc.constant('delivered' as const), reply, facts }),
  record({
    ...{ kind: fc.constant('relayed' as const), reply, dsn: fc.boolean() },
    ...{ deliverBy: fc.boolean(), tracked: fc.boolean(), facts },
  }),
  record({ kind: fc.constant('deferred' as const), reply, facts }),
  record({ kind: fc.constant('deferred' as const), reply, remote: fc.boolean(), facts }),
  record({ kind: fc.constant('failed' as const), reply, remote: fc.boolean(), facts }),
);
const health = fc.constantFrom('ok' as const, 'busy' as const, 'down' as const);
const session: fc.Arbitrary<TlsSession> = record({
  domain: fc.string(),
  policy: record({ type: fc.constant('sts' as const), strings: fc.array(fc.string()) }),
  result: fc.constantFrom(...tlsResults),
});
const delivery: fc.Arbitrary<DeliveryResult> = fc.oneof(
  record({ recipients: fc.array(result), health }),
  record({ recipients: fc.array(result), health, sessions: fc.array(session) }),
);

const route: RelayRoute = { kind: 'mx', domain: 'example.net' };

describe('what crosses between threads', () => {
  it('leases arrive as they were, each with its own content', () => {
    fc.assert(
      fc.property(fc.array(lease, { minLength: 1 }), (leases) => {
        const rows = leases.map((one, index) => attemptRow([index, 1, 1], one, route));
        const pack = packContents(leases.map(({ message }) => message.content.bytes!));
        const crossed = structuredClone({ rows, pack }, { transfer: pack ? [pack] : [] });
        const contents = contentsOf(crossed.rows, crossed.pack);
        for (const [index, row] of crossed.rows.entries()) {
          const { message, ...rest } = leaseOf(row, contents.next().value!);
          const { content, ...fields } = message;
          const { message: sent, ...sentRest } = leases[index]!;
          const { content: sentContent, ...sentFields } = sent;
          assert.deepEqual(rest, sentRest);
          assert.deepEqual(fields, sentFields);
          assert.deepEqual([...content.bytes!], [...sentContent.bytes!]);
        }
      }),
    );
  });

  it('results arrive as they were, whatever kind they are', () => {
    fc.assert(
      fc.property(delivery, (given) => {
        const crossed = resultOf(structuredClone(resultRow(7, given)));
        assert.deepEqual(crossed, given);
      }),
    );
  });
});

describe('questions for policies', () => {
  it('go over with a number, and the answer with that number is theirs, or what was thrown', async () => {
    const said: FromRelay[] = [];
    const open = () => assert.fail('nothing is opened');
    const desk = new RelayDesk({
      open,
      say: (message) => said.push(message),
      gather: setImmediate,
    });
    const [one, two] = [
      desk.policies.policyFor('one.example'),
      desk.policies.policyFor('two.example'),
    ];
    assert.deepEqual(said, [
      { kind: 'ask', question: 1, domain: 'one.example' },
      { kind: 'ask', question: 2, domain: 'two.example' },
    ]);
    const found = { policy: { mode: 'enforce' as const, mx: ['mx.two.example'], lines: [] } };
    desk.take({ kind: 'policy', question: 2, found });
    desk.take({ kind: 'policy', question: 1, found: 'Error: the disk is gone' });
    desk.take({ kind: 'policy', question: 3, found: {} });
    assert.deepEqual(await two, found);
    await assert.rejects(one, /the disk is gone/);
  });
});
