import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { inspectMove, refuseMoved } from './marks.ts';

describe('what a move left in a data directory', () => {
  it('is found beside a server; where it stands in the way none starts', (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'postrider-marks-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const path = join(directory, 'postrider.db');
    assert.equal(inspectMove(directory), undefined, 'there is no store');
    using database = new DatabaseSync(path);
    assert.equal(inspectMove(directory), undefined);
    database.exec(`CREATE TABLE move_source (id TEXT); CREATE TABLE move_change (note INTEGER);
      INSERT INTO move_change VALUES (1), (2)`);
    assert.deepEqual(inspectMove(directory), { kind: 'from', notes: 2 });
    refuseMoved(directory, path);
    database.exec(`CREATE TABLE moved (id TEXT, place TEXT, at INTEGER);
      INSERT INTO moved VALUES ('x', '/var/other', 0)`);
    assert.deepEqual(inspectMove(directory), { kind: 'left', to: '/var/other' });
    assert.throws(() => refuseMoved(directory, path), /was moved to \/var\/other/);
    database.exec('CREATE TABLE move_target (id TEXT)');
    assert.deepEqual(inspectMove(directory), { kind: 'to' });
    assert.throws(() => refuseMoved(directory, path), /not finished/);
    writeFileSync(path, 'damaged');
    assert.equal(inspectMove(directory), undefined);
  });
});
