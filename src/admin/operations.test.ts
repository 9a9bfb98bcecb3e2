import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import type { OperationParts } from './operation-parts.ts';
import { operations, operationsOver, requested } from './operations.ts';

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

  it('takes requests by name, and refuses what cannot be meant', () => {
    assert.deepEqual(requested('queueHold', { ids: ['a'] }).input, { ids: ['a'] });
    for (const [name, given, problem] of [
      ['toString', {}, /unknown request: toString/],
      ['queueHold', { ids: 'a' }, /ids is not right/],
      ['queueHold', { ids: [], wait: true }, /the request has an unknown wait/],
      ['queueList', null, undefined],
    ] as const)
      if (problem === undefined) requested(name, given);
      else
        assert.throws(() => requested(name, given), { name: 'OperationError', message: problem });
  });

  it('what only a server can do says so where none runs', async () => {
    const { reload } = operationsOver({ server: undefined } as OperationParts);
    await assert.rejects(reload(), { name: 'OperationError', message: 'no server runs here' });
  });
});
