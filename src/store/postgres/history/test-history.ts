// The history of a node as its tests want it: files in a temporary folder, and a database that others may share.

import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '../../../base/fake-clock.ts';
import { silentLog } from '../../../base/log.ts';
import type { TestHistory } from '../../conformance/history.ts';
import { openHistory } from '../../open-history.ts';
import { openNode } from '../test-stores.ts';

export const dayMs = 86_400_000;

export interface TestNode extends TestHistory {
  /** Of its files. */
  readonly directory: string;
}

export async function openNodeHistory(
  url: string,
  node = 'one',
  clock = new FakeClock(),
  /** Default: one of its own. */
  given?: string,
): Promise<TestNode> {
  const folder = await mkdtempDisposable(join(tmpdir(), 'postrider-history-'));
  const directory = given ?? join(folder.path, 'history');
  const open = async () => {
    const stores = await openNode(url, node, clock);
    const settings = { size: 2 ** 20, keep: 30 * dayMs };
    return { stores, ...openHistory({ stores, directory, settings, clock, log: silentLog }) };
  };
  let opened = await open();
  const close = async () => {
    await opened.history[Symbol.asyncDispose]();
    await opened.search[Symbol.asyncDispose]();
    await opened.stores[Symbol.asyncDispose]();
  };
  return {
    ...{ clock, directory },
    get opened() {
      return opened;
    },
    async restart() {
      await close();
      opened = await open();
    },
    async [Symbol.asyncDispose]() {
      await close();
      await folder.remove();
    },
  };
}
