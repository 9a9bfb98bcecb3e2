import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { placeOf, tableNamed } from '../../moving/moved-tables.ts';
import { openDatabase } from '../database.ts';
import { MoveRows } from './move-rows.ts';

it('rows that change places while they are read are read as they were at one moment', () => {
  const home = mkdtempSync(join(tmpdir(), 'postrider-move-rows-'));
  const path = join(home, 'postrider.db');
  using database = openDatabase({ path });
  using server = openDatabase({ path });
  const rename = server.prepare('UPDATE mailbox SET address = ? WHERE id = ?');
  server.exec(`INSERT INTO mailbox (id, address) VALUES (1, 'a'), (2, 'b')`);
  const mailbox = tableNamed('mailbox');
  const keys = [[1], [2]];
  Object.defineProperty(keys, 1, {
    get() {
      rename.run('c', 1);
      rename.run('a', 2);
      return [2];
    },
  });
  const rows = new MoveRows(database).rows(mailbox, keys);
  const address = placeOf(mailbox, 'address');
  assert.deepEqual(
    rows.map((row) => row[address]),
    ['a', 'b'],
  );
  rmSync(home, { recursive: true });
});
