import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { openInMemory } from '../store/sqlite/test-stores.ts';
import type { OperationParts } from './operation-parts.ts';
import { operationNamed, operations, operationsOver } from './operations.ts';

describe('the table of operations', () => {
  it('has a sentence and schemas that can be published for each', () => {
    for (const [name, one] of Object.entries(operations)) {
      assert.match(one.about, /^[A-Z].*\.$/, name);
      assert.equal(z.toJSONSchema(one.input, { io: 'input' }).type, 'object', name);
      if (one.kind !== 'bytes') z.toJSONSchema(one.output, { unrepresentable: 'any' });
    }
  });

  it('knows which of them change nothing', () => {
    const looks = Object.entries(operations).filter(([, { changes }]) => !changes);
    assert.deepEqual(looks.map(([name]) => name).sort(), [
      'accountList',
      'accountRules',
      'administratorList',
      'auditList',
      'backupHold',
      'certificateList',
      'destinationList',
      'deviceList',
      'dnsCheck',
      'dnsRecords',
      'mailCheckHtml',
      'mailCheckSpam',
      'mailInboxes',
      'mailList',
      'mailRead',
      'mailSearch',
      'mailShow',
      'messageSearch',
      'metrics',
      'nodeList',
      'queueCount',
      'queueList',
      'queueSearch',
      'queueShow',
      'refusalSearch',
      'reportList',
      'secondFactorOffer',
      'sessionList',
      'statistics',
      'suppressionCheck',
      'suppressionList',
      'tokenList',
      'watch',
      'webSessionList',
      'webhookList',
      'why',
    ]);
  });

  it('knows them by name, and no other', () => {
    assert.equal(operationNamed('queueHold'), 'queueHold');
    const problem = { name: 'OperationError', message: 'unknown request: toString' };
    assert.throws(() => operationNamed('toString'), problem);
  });

  it('refuses what cannot be meant, whoever asks', () => {
    const parts = { queue: {} } as OperationParts;
    const over = operationsOver(parts) as Readonly<Record<string, (given: never) => unknown>>;
    for (const [given, problem] of [
      [{ ids: 'a' }, /ids is not right/],
      [{ ids: [], wait: true }, /the request has an unknown wait/],
    ] as const)
      assert.throws(() => over.queueHold!(given as never), {
        name: 'OperationError',
        message: problem,
      });
    over.queueList!(null as never);
  });

  it('gives rights that there are, and none by which one would give oneself the others', () => {
    const { tokenCreate, administratorAdd, administratorChange } = operationsOver(
      {} as OperationParts,
    );
    const [name, password] = ['x', 'correct horse'];
    for (const [right, problem] of [
      ['queueHodl', 'there is no operation queueHodl; see /postrider/openapi.json'],
      ['toString', 'there is no operation toString; see /postrider/openapi.json'],
      ['tokenCreate', 'tokenCreate gives rights: only who may do everything (all) may do that'],
    ] as const) {
      const refused = { name: 'OperationError', message: problem };
      const allows = ['read', right];
      assert.throws(() => tokenCreate({ name, allows }), refused);
      assert.throws(() => administratorAdd({ name, password, allows }), refused);
      assert.throws(() => administratorChange({ name, allows }), refused);
    }
  });

  it('a token ends with its last day, one without days does not', async () => {
    await using test = await openInMemory();
    const { clock, stores } = test;
    const { tokenCreate, tokenList } = operationsOver({ ...stores, clock } as never);
    const allows = ['read'];
    await tokenCreate({ name: 'short', allows, days: 2 });
    await tokenCreate({ name: 'long', allows });
    const listed = async () =>
      (await Array.fromAsync(tokenList())).map(({ name, expires }) => [name, expires]).sort();
    const end = new Date(clock.now() + 2 * 86_400_000).toISOString();
    assert.deepEqual(await listed(), [
      ['long', null],
      ['short', end],
    ]);
    await clock.advance(2 * 86_400_000);
    assert.deepEqual(await listed(), [['long', null]]);
  });

  it('what only a server can do says so where none runs', async () => {
    const { reload } = operationsOver({ server: undefined } as OperationParts);
    await assert.rejects(reload(), {
      name: 'OperationError',
      message: /^no server runs on this data directory; start it/,
    });
  });
});
