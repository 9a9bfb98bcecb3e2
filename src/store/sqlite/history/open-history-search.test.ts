import assert from 'node:assert/strict';
import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { FakeClock } from '../../../base/fake-clock.ts';
import { silentLog } from '../../../base/log.ts';
import { openHistorySearch } from './open-history-search.ts';

describe('the thread of the history', () => {
  it('ends when nobody asks for a while, and begins anew for whoever asks meanwhile', async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'postrider-history-'));
    const clock = new FakeClock();
    // There is no history before the first message.
    const directory = join(folder.path, 'history');
    await using search = openHistorySearch({ directory, clock, log: silentLog });
    const nothing = { items: [], next: null, upToDate: true };
    assert.deepEqual(await search.messages({ limit: 1 }), nothing);
    const idle = clock.advance(5 * 60_000);
    assert.deepEqual(await search.messages({ limit: 1 }), nothing);
    await idle;
    assert.deepEqual(await search.refusals({ limit: 1 }), nothing);
    await search[Symbol.asyncDispose]();
    await assert.rejects(search.messages({ limit: 1 }), /closed/);
  });
});
