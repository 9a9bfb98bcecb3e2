import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { byStage, type Policy, type Stage } from '../policy/policy.ts';
import { reply } from '../smtp/reply.ts';
import { countedPolicy, createMetrics } from './metrics.ts';

const stages = Object.keys(byStage([])) as Stage[];
const no = reply(550, '7.1', 'No');

/** Says no wherever it may. */
const refusing = (answers: (answer: object) => unknown): Policy => ({
  name: 'hooks',
  ...Object.fromEntries(
    stages.map((stage) => [stage, () => answers(stage === 'refusedRcpt' ? no : { objection: no })]),
  ),
});

describe('a policy that is counted', () => {
  for (const [kind, answers] of [
    ['at once', (answer: object) => answer],
    ['later', async (answer: object) => answer],
  ] as const)
    it(`is counted at every stage at which it says no ${kind}`, async () => {
      const metrics = createMetrics();
      const counted = countedPolicy(refusing(answers), metrics);
      for (const stage of stages) {
        const before = metrics.objections.hooks.value;
        const answer = await (counted[stage] as () => unknown)();
        assert.notEqual(answer, undefined, stage);
        assert.equal(metrics.objections.hooks.value, before + 1, stage);
      }
    });

  it('has a counter before it says no', () => {
    assert.throws(() => countedPolicy({ name: 'new' }, createMetrics()), /new is among/);
  });

  it('has the stages that it had', () => {
    const counted = countedPolicy({ name: 'hooks', mail: () => undefined }, createMetrics());
    assert.deepEqual(Object.keys(counted), ['name', 'mail']);
  });
});
