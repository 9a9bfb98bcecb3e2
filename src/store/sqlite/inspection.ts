// Looks at a store without opening it: a connection that only reads, beside a running server or on a
// backup. Counts what is there, and finds what does not fit together.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf } from '../../base/error-text.ts';
import { ContentError } from '../content.ts';
import { checkFile, findFile, readFile } from '../files/file-content.ts';
import type {
  ContentFile,
  Inspection,
  InspectionOptions,
  StoreCounts,
  StoreFault,
} from '../inspection.ts';
import { emailId } from '../object-id.ts';
import { StoreOpenError } from '../open-error.ts';
import { integer, text } from '../row.ts';
import { damageAdvice, isNoRoom, openAsItLies, openError } from './database.ts';
import { journalDirectory } from './journal/disk.ts';
import { recoverJournal } from './journal/recovery.ts';

// Limit: faults that are named; a disk that fails has many.
const faultsMax = 10_000;

export const databaseFile = 'postrider.db';

/** Undefined where there is no store. Never throws for damage: that is what it finds. */
export async function inspectStore(options: InspectionOptions): Promise<Inspection | undefined> {
  const path = join(options.directory, databaseFile);
  if (!existsSync(path)) return undefined;
  const faults: StoreFault[] = [];
  const none = { accounts: 0, folders: 0, messages: 0, queued: 0, files: 0 };
  let counts: StoreCounts = none;
  try {
    using database = openToRead(path);
    if (options.depth === 'all') faults.push(...integrityFaults(database, path));
    counts = countsOf(database);
    faults.push(...rowFaults(database));
    for await (const fault of contentFaults(database, options)) {
      faults.push(fault);
      if (faults.length >= faultsMax) break;
    }
  } catch (error) {
    const meaning = openError(path, error);
    if (!(meaning instanceof StoreOpenError)) throw error;
    faults.push({ kind: 'database', text: meaning.message });
  }
  if (options.atRest === true) faults.push(...(await journalFaults(options.directory)));
  return { counts, faults };
}

/** A copy of the database as it is at this moment, in one file that is not there yet. */
export function copyDatabase(from: string, to: string): void {
  using database = new DatabaseSync(from, { timeout: 5000 });
  database.prepare('VACUUM INTO ?').run(to);
}

export function contentFiles(directory: string): readonly ContentFile[] {
  using database = openToRead(join(directory, databaseFile));
  return filesOf(database);
}

/** Its reads are all of one moment. */
function openToRead(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5000 });
  try {
    database.exec('BEGIN; SELECT count(*) FROM sqlite_schema');
    return database;
  } catch (error) {
    database.close();
    if (!isNoRoom(error)) throw error;
    return openAsItLies(path);
  }
}

function integrityFaults(database: DatabaseSync, path: string): StoreFault[] {
  const rows = database.prepare('PRAGMA integrity_check(1)').all();
  const said = rows.map((row) => String(row.integrity_check)).filter((word) => word !== 'ok');
  return said.map((words) => ({ kind: 'database', text: `${damageAdvice(path)} (${words})` }));
}

function countsOf(database: DatabaseSync): StoreCounts {
  const one = (sql: string) => integer(database.prepare(sql).get()?.n);
  return {
    accounts: one('SELECT count(*) AS n FROM account'),
    folders: one('SELECT count(*) AS n FROM folder'),
    messages: one('SELECT count(*) AS n FROM mail'),
    queued: one('SELECT count(*) AS n FROM message'),
    files: one('SELECT count(*) AS n FROM content WHERE file IS NOT NULL'),
  };
}

/** Rows that miss others, and counters that count something else. */
const rowChecks: readonly (readonly [what: string, sql: string])[] = [
  [
    'a folder does not have as many messages, or octets, as it counts',
    `SELECT mailbox.address || ' ' || folder.path AS which FROM folder
     JOIN mailbox ON mailbox.id = folder.mailbox
     WHERE (folder.messages, folder.bytes) IS NOT
       (SELECT count(*), coalesce(sum(mail.size), 0) FROM mail WHERE mail.folder = folder.id)`,
  ],
  [
    'a message is in a folder, but is not there',
    `SELECT mail.folder || ' UID ' || mail.uid AS which FROM mail
     LEFT JOIN email ON email.id = mail.email LEFT JOIN content ON content.id = email.content
     WHERE content.id IS NULL`,
  ],
  [
    'a message is in a folder that is not there',
    `SELECT mail.folder || ' UID ' || mail.uid AS which FROM mail
     LEFT JOIN folder ON folder.id = mail.folder WHERE folder.id IS NULL`,
  ],
  [
    'a message in the queue has no content, or no recipients',
    `SELECT message.id AS which FROM message LEFT JOIN content ON content.id = message.content
     WHERE (message.bytes IS NULL AND content.id IS NULL)
       OR NOT EXISTS (SELECT 1 FROM recipient WHERE recipient.message = message.key)`,
  ],
  [
    'content is not as long as it was',
    `SELECT id AS which FROM content WHERE file IS NULL AND length(bytes) IS NOT size
     UNION ALL SELECT id FROM message WHERE content IS NULL AND length(bytes) IS NOT size`,
  ],
];

function rowFaults(database: DatabaseSync): StoreFault[] {
  return rowChecks.flatMap(([what, sql]) =>
    database
      .prepare(`${sql} LIMIT 100`)
      .all()
      .map(({ which }): StoreFault => ({ kind: 'database', text: `${what}: ${String(which)}` })),
  );
}

const filesOf = (database: DatabaseSync): readonly ContentFile[] =>
  database
    .prepare('SELECT id, file, size FROM content WHERE file IS NOT NULL ORDER BY id')
    .all()
    .map((row) => ({ content: integer(row.id), key: text(row.file), size: integer(row.size) }));

async function* contentFaults(
  database: DatabaseSync,
  { directory, depth, onProgress }: InspectionOptions,
): AsyncGenerator<StoreFault> {
  const mails = database.prepare(`
    SELECT mailbox.address, folder.path, mail.uid, email.id
    FROM email JOIN mail ON mail.email = email.id JOIN folder ON folder.id = mail.folder
    JOIN mailbox ON mailbox.id = folder.mailbox WHERE email.content = ?
    ORDER BY mailbox.address, folder.path, mail.uid`);
  const queued = database.prepare('SELECT id FROM message WHERE content = ? ORDER BY key');
  const files = filesOf(database);
  for (const [i, { content, key, size }] of files.entries()) {
    onProgress?.('files', i, files.length);
    const fault = await lookAt(join(directory, 'spool', key), size, depth);
    if (fault === undefined) continue;
    yield {
      ...{ kind: 'content', content, problem: fault.problem, text: fault.message },
      mails: mails.all(content).map((row) => ({
        account: text(row.address),
        folder: text(row.path),
        uid: integer(row.uid),
        id: emailId(integer(row.id)),
      })),
      queued: queued.all(content).map(({ id }) => text(id)),
    };
  }
}

async function lookAt(
  path: string,
  size: number,
  depth: InspectionOptions['depth'],
): Promise<ContentError | undefined> {
  const missing = await findFile(path, size);
  if (missing !== undefined) return missing;
  try {
    if (depth === 'names') await checkFile(path, size);
    else for await (const _piece of readFile(path, size, { reuse: true }));
    return undefined;
  } catch (error) {
    if (error instanceof ContentError) return error;
    throw error;
  }
}

async function journalFaults(directory: string): Promise<StoreFault[]> {
  try {
    const { segments } = await recoverJournal(journalDirectory(join(directory, 'journal')));
    for (const { file } of segments) await file.close();
    return [];
  } catch (error) {
    return [{ kind: 'journal', text: messageOf(error) }];
  }
}
