import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import type { HttpRequest } from '../../net/http-request.ts';
import { memoryContent } from '../../store/content.ts';
import type { ListedMessage } from '../../store/folder-store.ts';
import type { SpamClass, SpamCounts, SpamLesson } from '../../store/spam-store.ts';
import { rspamdLearning } from '../filters/rspamd-learning.ts';
import type { OtherPupil } from './junk-learner.ts';
import { JunkLearner, waitingMax } from './junk-learner.ts';
import type { JudgeResult } from './spam-filter.ts';
import { judgingMsMax, SpamFilter } from './spam-filter.ts';

const account = 'ann@example.org';
const content = memoryContent(Buffer.from('Subject: offer\r\n\r\ncheap pills\r\n'));

function learner({ enabled = true, others = [] as OtherPupil[], gone = [] as number[] } = {}) {
  const lessons: SpamLesson[] = [];
  const learnt: SpamClass[] = [];
  const known = new Map<string, SpamClass>();
  const made = new JunkLearner({
    folders: {
      list: async (_folder, { after }) => [
        { uid: after + 1, id: `E${after + 1}` } as ListedMessage,
      ],
      open: async (_folder, [uid]) => [gone.includes(uid!) ? undefined : content],
    },
    spam: {
      async learn(lesson) {
        if (known.get(lesson.email) === lesson.is) return false;
        known.set(lesson.email, lesson.is);
        lessons.push(lesson);
        return true;
      },
    },
    settings: () => ({ enabled, others }),
    log: silentLog,
    learnt: (_account, is) => learnt.push(is),
  });
  const note = async (is: SpamClass, ...uids: number[]) => {
    made.note({ account, folder: 1, uids, is });
    await made.idle();
  };
  return { note, made, lessons, learnt };
}

describe('JunkLearner', () => {
  it('learns the words of each message, once for what it is called', async () => {
    const { note, lessons, learnt } = learner();
    await note('spam', 1, 2);
    await note('spam', 2);
    await note('ham', 2);
    assert.deepEqual(
      lessons.map(({ email, is }) => [email, is]),
      [
        ['E1', 'spam'],
        ['E2', 'spam'],
        ['E2', 'ham'],
      ],
    );
    assert.deepEqual(lessons[0]?.words, ['subject:offer', 'cheap', 'pills']);
    assert.deepEqual(learnt, ['spam', 'spam', 'ham']);
  });

  it('goes on behind a message that is gone', async () => {
    const { note, lessons } = learner({ gone: [1] });
    await note('spam', 1, 2);
    assert.deepEqual(
      lessons.map(({ email }) => email),
      ['E2'],
    );
  });

  it('takes no more than it may, and gives up what waits when it is closed', async () => {
    const { made, lessons } = learner();
    const uids = Array.from({ length: waitingMax }, (_, at) => at + 1);
    made.note({ account, folder: 1, uids: [1, 2, 3], is: 'spam' });
    made.note({ account, folder: 1, uids, is: 'spam' });
    assert.equal(made.waiting, waitingMax);
    await made.close();
    made.note({ account, folder: 1, uids, is: 'spam' });
    assert.deepEqual([made.waiting, lessons], [0, []]);
  });

  it('teaches rspamd what is new, and takes its failure for none of ours', async () => {
    const asked: HttpRequest[] = [];
    const pupil = (status: number) =>
      rspamdLearning({
        settings: {
          ...{ name: 'rspamd', controller: 'http://127.0.0.1:11334', password: 'secret' },
          ...{ messageTimeout: 1000, largest: 1000 },
        },
        async request(options) {
          asked.push(options);
          return { status, headers: new Map(), body: new Uint8Array() };
        },
      });
    const { note, lessons } = learner({ enabled: false, others: [pupil(500), pupil(208)] });
    await note('spam', 1);
    await note('spam', 1);
    await note('ham', 1);
    assert.deepEqual(
      asked.map(({ url }) => String(url).replace(/.*\//, '')),
      ['learnspam', 'learnspam', 'learnham', 'learnham'],
    );
    assert.deepEqual(asked[0]?.headers, { 'Deliver-To': account, Password: 'secret' });
    assert.deepEqual(asked[0]?.body, Buffer.from(content.bytes!));
    assert.deepEqual(
      lessons.map(({ words }) => words.length),
      [0, 0],
      'nothing is counted here',
    );
  });

  it('learns nothing where nobody does', async () => {
    const { note, lessons } = learner({ enabled: false });
    await note('spam', 1);
    assert.deepEqual(lessons, []);
  });
});

describe('SpamFilter', () => {
  const clock = new FakeClock();
  const words: ReadonlyMap<string, SpamCounts> = new Map([
    ['cheap', { spam: 40, ham: 0 }],
    ['pills', { spam: 45, ham: 0 }],
  ]);
  const filter = (
    learnt: SpamCounts,
    counts: () => Promise<ReadonlyMap<string, SpamCounts>> = async () => words,
  ) => {
    const results: JudgeResult[] = [];
    let asked = 0;
    const made = new SpamFilter({
      store: {
        async learnt() {
          asked += 1;
          return learnt;
        },
        counts,
      },
      settings: () => ({ enabled: true, junkAt: 0.95, lessons: 50 }),
      ...{ clock, log: silentLog },
      count: (result) => results.push(result),
    });
    return { made, results, asked: () => asked };
  };

  it('says by which words it judges', async () => {
    const { made, results } = filter({ spam: 50, ham: 50 });
    const judgement = await made.judging(content)(account);
    assert.equal(judgement?.isJunk, true);
    assert.match(judgement.text, /^spam filter of ann@example\.org: 0\.99 by pills, cheap$/);
    assert.deepEqual(results, ['junk']);
  });

  it('says nothing until enough of each kind was learnt, and asks the store once', async () => {
    for (const learnt of [
      { spam: 49, ham: 500 },
      { spam: 500, ham: 49 },
    ]) {
      const { made, asked } = filter(learnt);
      assert.equal(await made.judging(content)(account), undefined);
      assert.equal(await made.judging(content)(account), undefined);
      assert.equal(asked(), 1);
      made.forget(account);
      await made.judging(content)(account);
      assert.equal(asked(), 2);
    }
  });

  it('takes a message as it is when the store is slow or fails', async () => {
    const slow = filter({ spam: 50, ham: 50 }, () => new Promise(() => {}));
    const judge = slow.made.judging(content);
    const judgement = judge(account);
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(judgingMsMax);
    assert.equal(await judgement, undefined);
    assert.equal(await judge('bob@example.org'), undefined, 'the time of the message is over');
    assert.deepEqual(slow.results, ['late', 'late']);
    const failing = filter({ spam: 50, ham: 50 }, () => Promise.reject(new Error('no')));
    assert.equal(await failing.made.judging(content)(account), undefined);
    assert.deepEqual(failing.results, ['failed']);
  });
});
