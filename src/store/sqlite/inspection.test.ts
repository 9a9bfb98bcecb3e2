import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { text } from '../conformance/harness.ts';
import { inspectStore } from './inspection.ts';
import { openSqliteStores } from './stores.ts';
import { temporaryDirectory } from './test-stores.ts';

it('inspectStore finds rows that do not fit together', async () => {
  const directory = await temporaryDirectory();
  {
    await using stores = await openSqliteStores({
      ...{ directory, clock: new FakeClock(), log: silentLog },
    });
    const { folders } = stores;
    await folders.ensure('ann@example.org');
    const { id } = (await folders.find('ann@example.org', 'INBOX'))!;
    const mail = { content: text('Subject: x\r\n\r\n'), flags: [], received: 0 };
    await folders.append(id, [mail, mail]);
  }
  const inspect = () => inspectStore({ directory, depth: 'all', atRest: true });
  assert.deepEqual((await inspect())?.faults, []);
  {
    using database = new DatabaseSync(join(directory, 'postrider.db'));
    database.exec(`
      UPDATE folder SET messages = 7 WHERE path = 'INBOX';
      DELETE FROM content WHERE id = 1;
      UPDATE content SET bytes = x'00'`);
  }
  const said = (await inspect())!.faults.map((fault) => fault.text).join('\n');
  assert.match(said, /as it counts: ann@example\.org INBOX/);
  assert.match(said, /is not there: \d+ UID 1/);
  assert.match(said, /not as long as it was: 2/);
  await rm(directory, { recursive: true });
});
