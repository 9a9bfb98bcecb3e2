// What a store is made of, as it is moved to a store of another kind: each table with its columns, and what a value of
// them is wherever it lies. Numbers of rows stay what they are, so that nothing that refers to them, here or at a
// client, has to change. A test fails for a table or a column that is neither here nor among what stays behind.

/** What a value is to us; each store has its own type for it. */
export type ColumnKind =
  | 'integer'
  /** Without NUL and halves of surrogate pairs: not every store can have them. */
  | 'text'
  | 'octets'
  /** Text that PostgreSQL has as octets, so that it may have anything in it. */
  | 'octet-text'
  | 'flag'
  /** When a recipient is due: 0 while somebody attempts it. */
  | 'due';

export interface MovedColumn {
  readonly name: string;
  readonly kind: ColumnKind;
}

export interface MovedTable {
  readonly name: string;
  /** What is counted where rows of it are: for people. */
  readonly what: string;
  readonly columns: readonly MovedColumn[];
  /** The first so many columns are its key. */
  readonly keyColumns: number;
  /** Other columns of which no two rows have the same. */
  readonly unique: readonly string[];
  /** Rows that are read at a time. */
  readonly pageRows: number;
}

/** Of one row, in the order of the table's columns. */
export type MovedValue = number | string | boolean | Uint8Array | null;
export type MovedRow = readonly MovedValue[];
/** The values of its key. */
export type MovedKey = readonly (number | string)[];

const [integer, text, octets, octetText, flag] = (
  ['integer', 'text', 'octets', 'octet-text', 'flag'] as const
).map((kind) => (names: string) => columnsOf(names, kind)) as [Kind, Kind, Kind, Kind, Kind];
type Kind = (names: string) => readonly MovedColumn[];

const columnsOf = (names: string, kind: ColumnKind): readonly MovedColumn[] =>
  names.split(' ').map((name) => ({ name, kind }));

function table(
  [name, what]: readonly [string, string],
  key: readonly MovedColumn[],
  others: readonly (readonly MovedColumn[])[],
  { unique = [], pageRows = 1000 }: Partial<Pick<MovedTable, 'unique' | 'pageRows'>> = {},
): MovedTable {
  const columns = [...key, ...others.flat()];
  return { name, what, columns, keyColumns: key.length, unique, pageRows };
}

/** Limit: rows at a time of tables whose rows are up to 256 KiB. */
const fewRows = { pageRows: 64 };

/** In the order in which they are copied: what somebody looks for first comes first. */
export const movedTables: readonly MovedTable[] = [
  table(['account', 'accounts'], integer('id'), [text('address'), integer('created')], {
    unique: ['address'],
  }),
  table(['account_address', 'addresses'], text('address'), [integer('account')]),
  table(
    ['credential', 'passwords'],
    [...integer('account'), ...text('name')],
    [text('argon2'), integer('iterations created'), octets('salt stored_key server_key')],
  ),
  table(['secret', 'secrets'], text('name'), [octets('value')]),
  table(
    ['record', 'records'],
    [...text('kind'), ...octetText('key')],
    [octetText('value'), integer('expires')],
    fewRows,
  ),
  table(
    ['remembered', 'answers remembered'],
    [...text('account'), ...octetText('key')],
    [integer('until')],
  ),
  table(
    ['spam_account', 'spam filters'],
    integer('id'),
    [text('account'), integer('spam ham words lessons')],
    { unique: ['account'] },
  ),
  table(
    ['spam_word', 'words of spam filters'],
    [...integer('account'), ...octetText('word')],
    [integer('spam ham lesson')],
  ),
  table(
    ['spam_learnt', 'lessons of spam filters'],
    [...integer('account'), ...text('email')],
    [flag('spam counted'), integer('lesson')],
  ),
  table(
    ['mailbox', 'mailboxes'],
    integer('id'),
    [text('address'), integer('modseq tombstones forgotten')],
    { unique: ['address'] },
  ),
  table(
    ['folder', 'folders'],
    integer('id'),
    [
      integer('mailbox'),
      text('path special_use'),
      integer('uid_validity uid_next recent_from modseq changes messages unseen deleted bytes'),
      integer('expunges forgotten created changed'),
    ],
    { unique: ['mailbox', 'path'] },
  ),
  table(['subscription', 'subscriptions'], [...integer('mailbox'), ...text('path')], []),
  table(['acl', 'rights'], [...integer('folder'), ...text('identifier')], [text('rights')]),
  table(
    ['annotation', 'annotations'],
    [...integer('mailbox folder'), ...text('entry')],
    [octets('value')],
    fewRows,
  ),
  table(['tombstone', 'tombstones'], integer('mailbox modseq kind object'), [integer('created')]),
  table(['expunged', 'expunges'], integer('folder modseq uid'), []),
  table(['email', 'messages'], integer('id'), [
    integer('content'),
    text('sender subject'),
    octetText('prefix'),
  ]),
  table(['mail', 'messages in folders'], integer('folder uid'), [
    integer('email modseq flags'),
    text('keywords'),
    integer('received saved size created'),
  ]),
  table(
    ['message', 'messages in the queue'],
    integer('key'),
    [
      text('id'),
      integer('received'),
      text('sender params origin message_id'),
      octetText('prefix'),
      integer('size content'),
      octets('bytes'),
    ],
    fewRows,
  ),
  table(['recipient', 'recipients in the queue'], integer('message idx'), [
    text('address params delivery destination original'),
    columnsOf('due', 'due'),
    flag('held warned'),
    integer('attempts priority release'),
    text('account'),
    integer('room'),
    text('reply'),
  ]),
];

export function tableNamed(name: string): MovedTable {
  const found = movedTables.find((one) => one.name === name);
  if (found === undefined) throw new Error(`there is no table ${name} to be moved`);
  return found;
}

/** Where a column is in a row. */
export const placeOf = ({ columns }: MovedTable, name: string): number =>
  columns.findIndex((column) => column.name === name);

export const keyOf = ({ keyColumns }: MovedTable, row: MovedRow): MovedKey =>
  row.slice(0, keyColumns) as unknown as MovedKey;

/** A key as one text, the same whoever writes it: numbers in decimals, texts as their octets in hexadecimals. */
export const keyText = (key: MovedKey): string =>
  key.map((one) => (typeof one === 'number' ? one : Buffer.from(one).toString('hex'))).join();

export function parseKey({ columns }: MovedTable, written: string): MovedKey {
  return written.split(',').map((part, i) => {
    const isNumber = columns[i]?.kind === 'integer';
    return isNumber ? Number(part) : Buffer.from(part, 'hex').toString();
  });
}

/** A text as every store can have it. */
export const movedText = (written: string): string =>
  written.toWellFormed().replaceAll('\0', '\ufffd');
