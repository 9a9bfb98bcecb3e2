// SQLite's query planner has no statistics here and may guess wrong: a claim that walks an index of
// 100,000 waiting recipients is right, and far too slow. So the plans are looked at.

import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { prepareDatabase } from './database.ts';
import { prepareStatements as feedStatements } from './folders/account-feed.ts';
import { prepareStatements as logStatements } from './folders/change-log.ts';
import { prepareStatements as emailStatements } from './folders/email-table.ts';
import { prepareStatements as folderStatements } from './folders/folder-tables.ts';
import { prepareStatements as listingStatements } from './folders/listings.ts';
import { prepareStatements as mailStatements } from './folders/mail-table.ts';
import { prepareStatements as mailboxStatements } from './folders/mailbox-table.ts';
import { prepareStatements as messageStatements } from './folders/message-tables.ts';
import { prepareQueueStatements as queueStatements } from './queue/queue-statements.ts';
import { messagesOfState } from './queue/queue-totals.ts';
import { prepareStatements as readerStatements } from './reader/reader.ts';
import { prepareStatements as recordStatements } from './record-table.ts';

/** What reads a whole table on purpose: counts, and what happens once when the store is opened. */
const scans = new Set([
  ...['newest', 'countMessages', 'countRecipients', 'recipientCount'], // newest: one row from the right edge
  ...['firstDues', 'recover', 'clamp', 'rooms', 'priorities'],
  ...['owners', 'counts'], // everybody's mail is listed
]);
/** What is about destinations; everything else is about a message. */
const byDestination = new Set(['firstDue', 'firstDues']);

describe('query plans', () => {
  const database = new DatabaseSync(':memory:');
  prepareDatabase(database, ':memory:');
  const all = [queueStatements, mailboxStatements, emailStatements, mailStatements];
  const more = [
    folderStatements,
    messageStatements,
    readerStatements,
    listingStatements,
    feedStatements,
    logStatements,
  ];
  const statements = [...all, ...more].flatMap((prepare) => Object.entries(prepare(database)));
  for (const [name, { sourceSQL }] of statements)
    it(`${name} uses its index`, () => {
      const rows = database.prepare(`EXPLAIN QUERY PLAN ${sourceSQL}`).all();
      const plan = rows.map(({ detail }) => String(detail)).join('; ');
      // What the statement itself gathers (touched, changed) is looked through, too.
      if (!scans.has(name)) assert.doesNotMatch(plan, /SCAN (?!json_each|\(|(touched|changed)\b)/);
      if (!byDestination.has(name)) assert.doesNotMatch(plan, /recipient_due/);
    });
  it('records with a prefix are all that is looked at', () => {
    const { listFrom, listBehind } = recordStatements(database);
    for (const { sourceSQL } of [listFrom, listBehind]) {
      const [row] = database.prepare(`EXPLAIN QUERY PLAN ${sourceSQL}`).all();
      assert.match(String(row?.detail), /kind=\? AND key>\? AND key<\?/);
    }
  });

  it('the messages of a state are counted in an index, without a look into the table for each row', () => {
    const steps = database.prepare(`EXPLAIN ${messagesOfState}`).all();
    const opened = steps.filter(({ opcode }) => opcode === 'OpenRead');
    assert.equal(opened.length, 1, 'what is said to be covered may be looked up all the same');
  });
});
