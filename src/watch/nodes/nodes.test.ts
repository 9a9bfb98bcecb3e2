// What one node asks the others, and what is heard of them.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../../base/log.ts';
import { systemRandom as random } from '../../base/random.ts';
import { ask, withoutPostgres } from '../../store/postgres/test-cluster.ts';
import { eventually, openTwo } from '../../store/postgres/test-two-nodes.ts';
import { EventHub } from '../event-hub.ts';
import { NodeNews } from './node-news.ts';
import type { NodeAnswers } from './node-questions.ts';
import { NodeQuestions } from './node-questions.ts';

/** Two looks of a second each: a node waits for answers longer than that. */
const looksMs = 2_200;

async function open(notify: boolean) {
  const test = await openTwo({ notify });
  const [one, two] = [test.one, test.two].map((stores, i) => {
    const clock = i === 0 ? test.clockOfOne : test.clock;
    const questions = new NodeQuestions({ ...stores, clock, random });
    questions.start();
    return { questions, clock };
  }) as [Side, Side];
  return {
    ...{ ...test, one, two },
    /** While time goes on at both, slowly once an answer should be there: a busy machine takes its own time. */
    async answered(answers: Promise<NodeAnswers>, quickMs = looksMs): Promise<NodeAnswers> {
      let found: NodeAnswers | undefined;
      void answers.then((given) => {
        found = given;
      });
      let left = quickMs;
      await eventually(async () => {
        const step = left > 0 ? 20 : 1;
        for (const { clock } of [one, two]) await clock.advance(step);
        left -= step;
        return found !== undefined;
      });
      return found!;
    },
    async [Symbol.asyncDispose]() {
      for (const { questions } of [one, two]) await questions.stop();
      await test[Symbol.asyncDispose]();
    },
  };
}

interface Side {
  readonly questions: NodeQuestions;
  readonly clock: Awaited<ReturnType<typeof openTwo>>['clock'];
}

describe('what nodes ask each other', { skip: withoutPostgres() }, () => {
  for (const notify of [true, false])
    it(`is answered by all, however long the answer (notify: ${notify})`, async () => {
      await using test = await open(notify);
      const long = 'ü"\u0000😀'.repeat(150_000);
      test.two.questions.answer('sessions', (input, from) => [input, from, long]);
      const asked = test.one.questions.ask('sessions', { a: 1 });
      assert.equal(test.one.questions.ask('sessions', { a: 1 }), asked, 'it has not begun yet');
      const { answers, silent } = await test.answered(asked);
      assert.deepEqual(silent, []);
      assert.deepEqual(answers, [{ node: 'two', said: [{ a: 1 }, 1, long] }]);
      test.two.questions.answer('sessions', () => 'short');
      const again = await test.answered(test.one.questions.ask('sessions', { a: 1 }));
      assert.deepEqual(again.answers, [{ node: 'two', said: 'short' }]);
    });

  it('names who does not answer, and who is gone', async () => {
    await using test = await open(true);
    // It has ended, and does not come back.
    await (await test.open('three'))[Symbol.asyncDispose]();
    await ask(test.url, `UPDATE node SET session = NULL WHERE name = 'three'`);
    const asked = test.one.questions.ask('sessions', null);
    const { answers, silent } = await test.answered(asked, Number.POSITIVE_INFINITY);
    assert.deepEqual(answers, []);
    assert.deepEqual(silent, [
      { node: 'two', state: 'silent' },
      { node: 'three', state: 'gone' },
    ]);
  });
});

describe('what happens at other nodes', { skip: withoutPostgres() }, () => {
  it('is told to who listens here, by the name of the node, and to no node again', async () => {
    await using test = await open(true);
    const warned: unknown[] = [];
    const [here, there] = [test.one, test.two].map(({ questions, clock }, i) => {
      const hub = new EventHub();
      hub.isOf(i === 0 ? 'one' : 'two');
      const log = { ...silentLog, warn: (...line: unknown[]) => warned.push(line) };
      const news = new NodeNews({ hub, questions, clock, log });
      return { hub, news };
    }) as [{ hub: EventHub; news: NodeNews }, { hub: EventHub; news: NodeNews }];
    const wanted = new Set(['log'] as const);
    const [one, two] = [here.hub.listen(wanted)!, there.hub.listen(wanted)!];
    const heard = new Set<string>();
    let told = 0;
    await test.eventually(async () => {
      told += 1;
      here.hub.tell('log', { at: '', event: `one ${told}` });
      there.hub.tell('log', { at: '', event: `two ${told}` });
      here.hub.tell('stats', { at: '', event: 'unwanted' });
      for (const [of, listener] of [
        ['one', one],
        ['two', two],
      ] as const)
        for (const { event, onNode } of listener.take())
          heard.add(`${of}: ${event.replace(/ \d+$/, '')} of ${onNode}`);
      return heard.size === 4 && told > 100;
    });
    assert.deepEqual([...heard].sort(), [
      'one: one of one',
      'one: two of two',
      'two: one of one',
      'two: two of two',
    ]);
    assert.deepEqual(warned, []);
    two.close();
    one.close();
    for (const clock of [test.clock, test.clockOfOne]) await clock.advance(20_000);
    await test.eventually(async () => here.hub.listeners === 0 && there.hub.listeners === 0);
    for (const { news } of [here, there]) news.stop();
  });
});
