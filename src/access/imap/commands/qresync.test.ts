import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import { silentLog } from '../../../base/log.ts';
import type { Range } from '../../../imap/command.ts';
import { openSqliteStores } from '../../../store/sqlite/stores.ts';
import { storeBut, TestConversation, testProcess } from '../test-conversation.ts';
import { ann } from '../test-dialogue.ts';

const ranges = (...pairs: readonly (readonly [number, number])[]): readonly Range[] =>
  pairs.map(([from, to]) => ({ from, to }));

/** Ten messages, of which 3, 4 and 8 are gone; nobody remembers which. */
async function open() {
  const stores = await openSqliteStores({
    ...{ directory: ':memory:', clock: new FakeClock(), log: silentLog },
  });
  const { folders } = stores;
  await folders.ensure(ann);
  const inbox = await folders.find(ann, 'INBOX');
  const content = { kind: 'inline', bytes: Buffer.from('a: b\r\n\r\n') } as const;
  const mails = Array.from({ length: 10 }, () => ({ content, flags: [], received: 0 }));
  await folders.append(inbox!.id, mails, { bytes: 10_000, messages: 100 });
  await folders.removeMessages(inbox!.id, [3, 4, 8]);
  const store = storeBut(folders, {
    changes: async (...given) => ({ ...(await folders.changes(...given))!, complete: false }),
  });
  const conversation = new TestConversation(testProcess(store), ann, ['QRESYNC', 'CONDSTORE']);
  await conversation.select('INBOX');
  const fetch = (set: readonly Range[]) =>
    conversation.run({
      ...{ name: 'FETCH', uid: true, set: { kind: 'ranges', ranges: set } },
      ...{ items: [{ kind: 'UID' }], changedSince: 1, vanished: true, window: undefined },
    } as never);
  return { stores, fetch };
}

it('RFC 7162 §3.2.10.1: where expunges are forgotten, what is not there has vanished, each once', async () => {
  const { stores, fetch } = await open();
  for (const [set, told] of [
    [ranges([1, 0]), '3:4,8'],
    [ranges([4, 1], [3, 5], [8, 8], [9, 12]), '3:4,8'],
    [ranges([4, 7]), '4'],
    [ranges([5, 7], [20, 30]), undefined],
  ] as const)
    assert.equal(
      (await fetch(set)).find((line) => line.startsWith('VANISHED')),
      told && `VANISHED (EARLIER) ${told}`,
    );
  await stores[Symbol.asyncDispose]();
});
