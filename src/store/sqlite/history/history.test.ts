import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '../../../base/fake-clock.ts';
import { silentLog } from '../../../base/log.ts';
import { testHistory } from '../../conformance/history.ts';
import { openHistory } from '../../open-history.ts';

testHistory('files, and an index of SQLite', async () => {
  const folder = await mkdtempDisposable(join(tmpdir(), 'postrider-history-'));
  const clock = new FakeClock();
  const open = () =>
    openHistory({
      ...{ stores: {}, directory: join(folder.path, 'history'), clock, log: silentLog },
      ...{ settings: { size: 2 ** 20, keep: 86_400_000 }, brief: true },
    });
  let opened = open();
  const close = async () => {
    await opened.history[Symbol.asyncDispose]();
    await opened.search[Symbol.asyncDispose]();
  };
  return {
    clock,
    get opened() {
      return opened;
    },
    async restart() {
      await close();
      opened = open();
    },
    async [Symbol.asyncDispose]() {
      await close();
      await folder.remove();
    },
  };
});
