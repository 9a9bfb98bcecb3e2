// What each command's octets mean, and what is wrong with those that mean nothing.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import type { Command, FetchItem, ListOptions, Section, SequenceSet } from './command.ts';
import { defaultImapLimits } from './limits.ts';
import type { ParseContext } from './parse-context.ts';
import { beginsAppend, parseCommand, tagOf } from './parser.ts';

const rev1: ParseContext = { limits: defaultImapLimits, utf8: false, utf8Accept: false };
const rev2: ParseContext = { ...rev1, utf8: true };

const set = (...ranges: (readonly [number, number])[]): SequenceSet => ({
  kind: 'ranges',
  ranges: ranges.map(([from, to]) => ({ from, to })),
});
const one = set([1, 1]);

const fetch = (items: readonly FetchItem[], more: object = {}) =>
  ({
    ...{ name: 'FETCH', uid: false, set: one, items },
    ...{ changedSince: undefined, vanished: false, window: undefined, ...more },
  }) as Command;
const whole: Section = { part: [], text: undefined, fields: [] };
const section = (part: Partial<Section>, more: object = {}): FetchItem => ({
  ...{ kind: 'SECTION', peek: false, section: { ...whole, ...part }, partial: undefined },
  ...{ as: 'BODY', ...more },
});

const search = (key: object, more: object = {}) =>
  ({ name: 'SEARCH', uid: false, key, returns: undefined, ...more }) as Command;
const flag = (name: string, isSet = true) => ({ kind: 'flag', flag: name, set: isSet });
const header = (name: string, text: string) => ({ kind: 'header', name, text });

const store = (change: string, flags: readonly string[], more: object = {}) =>
  ({
    ...{ name: 'STORE', uid: false, set: one, change, silent: false, flags },
    ...{ unchangedSince: undefined, ...more },
  }) as Command;

const returns: ListOptions['returns'] = {
  ...{ subscribed: false, children: false, specialUse: false, myRights: false },
  ...{ status: [], metadata: [] },
};
const list = (patterns: readonly string[], more: object = {}) =>
  ({
    name: 'LIST',
    options: {
      ...{ reference: '', patterns, subscribed: false, remote: false, recursiveMatch: false },
      ...{ specialUse: false, returns, extended: false, ...more },
    },
  }) as Command;

const select = (more: object = {}) =>
  ({
    ...{ name: 'SELECT', mailbox: 'INBOX', condstore: false, qresync: undefined, ...more },
  }) as Command;

const good: readonly (readonly [string, Command])[] = [
  ['a CAPABILITY', { name: 'CAPABILITY' }],
  ['A.1-_b noop', { name: 'NOOP' }],
  ['a Logout', { name: 'LOGOUT' }],
  ['a ID NIL', { name: 'ID', fields: undefined }],
  ['a ID ()', { name: 'ID', fields: new Map() }],
  [
    'a ID ("name" "x" "os" NIL)',
    {
      name: 'ID',
      fields: new Map([
        ['name', 'x'],
        ['os', undefined],
      ]),
    },
  ],
  // RFC 3501 §6.2.3, RFC 9051 §9: quoted, literals of three kinds, astrings.
  ['a LOGIN ann secret', { name: 'LOGIN', user: 'ann', password: 'secret' }],
  ['a LOGIN "a \\"b\\" \\\\" ]', { name: 'LOGIN', user: 'a "b" \\', password: ']' }],
  ['a LOGIN {3}\r\na b {4+}\r\n\r\nx"', { name: 'LOGIN', user: 'a b', password: '\r\nx"' }],
  ['a LOGIN {0}\r\n ""', { name: 'LOGIN', user: '', password: '' }],
  ['a LOGIN "\xc3\xa9" {2}\r\n\xc3\xa9', { name: 'LOGIN', user: 'é', password: 'é' }],
  ['a AUTHENTICATE PLAIN', { name: 'AUTHENTICATE', mechanism: 'PLAIN', initial: undefined }],
  [
    'a authenticate plain =',
    { name: 'AUTHENTICATE', mechanism: 'PLAIN', initial: new Uint8Array() },
  ],
  [
    'a AUTHENTICATE PLAIN AGE=',
    { name: 'AUTHENTICATE', mechanism: 'PLAIN', initial: Buffer.from('\0a') },
  ],
  ['a ENABLE condstore X-good', { name: 'ENABLE', capabilities: ['CONDSTORE', 'X-GOOD'] }],
  ['a COMPRESS DEFLATE', { name: 'COMPRESS' }],
  // RFC 9051 §6.3.2, RFC 7162 §3.2.5
  ['a SELECT inbox', select({ mailbox: 'inbox' })],
  ['a EXAMINE "INBOX"', select({ name: 'EXAMINE' })],
  ['a SELECT INBOX (CONDSTORE)', select({ condstore: true })],
  [
    'a SELECT INBOX (QRESYNC (67890007 20050715194045))',
    select({
      qresync: {
        uidValidity: 67890007,
        modseq: 20050715194045,
        knownUids: undefined,
        match: undefined,
      },
    }),
  ],
  [
    'a SELECT INBOX (QRESYNC (1 2 41,43:211))',
    select({
      qresync: { uidValidity: 1, modseq: 2, knownUids: set([41, 41], [43, 211]), match: undefined },
    }),
  ],
  [
    'a SELECT INBOX (QRESYNC (1 2 1:9 (1,5 2,7)))',
    select({
      qresync: {
        uidValidity: 1,
        modseq: 2,
        knownUids: set([1, 9]),
        match: { sequence: set([1, 1], [5, 5]), uids: set([2, 2], [7, 7]) },
      },
    }),
  ],
  // RFC 3501 §5.1.3: modified UTF-7.
  ['a DELETE Entw&APw-rfe', { name: 'DELETE', mailbox: 'Entwürfe' }],
  ['a DELETE "A&-B"', { name: 'DELETE', mailbox: 'A&B' }],
  ['a SUBSCRIBE foo/bar]', { name: 'SUBSCRIBE', mailbox: 'foo/bar]' }],
  ['a UNSUBSCRIBE foo', { name: 'UNSUBSCRIBE', mailbox: 'foo' }],
  ['a RENAME old "new one"', { name: 'RENAME', mailbox: 'old', to: 'new one' }],
  ['a CREATE foo', { name: 'CREATE', mailbox: 'foo', specialUse: [] }],
  [
    'a CREATE foo (USE (\\Drafts \\Sent))',
    { name: 'CREATE', mailbox: 'foo', specialUse: ['Drafts', 'Sent'] },
  ],
  // RFC 9051 §6.3.9, RFC 5258, RFC 5819
  ['a LIST "" %', list(['%'])],
  ['a LIST ref/ *', list(['*'], { reference: 'ref/' })],
  ['a LIST "" ""', list([''])],
  [
    'a LIST (SUBSCRIBED RECURSIVEMATCH) "" ("a*" b%)',
    list(['a*', 'b%'], { subscribed: true, recursiveMatch: true, extended: true }),
  ],
  [
    'a LIST "" % RETURN (CHILDREN STATUS (MESSAGES UNSEEN))',
    list(['%'], {
      extended: true,
      returns: { ...returns, children: true, status: ['MESSAGES', 'UNSEEN'] },
    }),
  ],
  [
    'a LIST (SPECIAL-USE) "" * RETURN (SUBSCRIBED SPECIAL-USE MYRIGHTS)',
    list(['*'], {
      specialUse: true,
      extended: true,
      returns: { ...returns, subscribed: true, specialUse: true, myRights: true },
    }),
  ],
  ['a LSUB "" "*"', { name: 'LSUB', reference: '', pattern: '*' }],
  [
    'a STATUS foo (UIDNEXT HIGHESTMODSEQ SIZE)',
    { name: 'STATUS', mailbox: 'foo', items: ['UIDNEXT', 'HIGHESTMODSEQ', 'SIZE'] },
  ],
  ['a NAMESPACE', { name: 'NAMESPACE' }],
  ['a IDLE', { name: 'IDLE' }],
  // RFC 9208, RFC 4314, RFC 5464, RFC 5465
  ['a GETQUOTA ""', { name: 'GETQUOTA', root: '' }],
  ['a GETQUOTAROOT INBOX', { name: 'GETQUOTAROOT', mailbox: 'INBOX' }],
  [
    'a SETQUOTA "" (STORAGE 512 MESSAGE 10)',
    {
      name: 'SETQUOTA',
      root: '',
      limits: new Map([
        ['STORAGE', 512],
        ['MESSAGE', 10],
      ]),
    },
  ],
  [
    'a SETACL foo bob +lrs',
    { name: 'SETACL', mailbox: 'foo', identifier: 'bob', modify: '+', rights: 'lrs' },
  ],
  [
    'a SETACL foo -bob ""',
    { name: 'SETACL', mailbox: 'foo', identifier: '-bob', modify: '', rights: '' },
  ],
  ['a DELETEACL foo bob', { name: 'DELETEACL', mailbox: 'foo', identifier: 'bob' }],
  ['a MYRIGHTS foo', { name: 'MYRIGHTS', mailbox: 'foo' }],
  // RFC 4467 §9
  [
    'a GENURLAUTH "imap://x/y;urlauth=authuser" internal u INTERNAL',
    {
      name: 'GENURLAUTH',
      urls: [
        { url: 'imap://x/y;urlauth=authuser', mechanism: 'INTERNAL' },
        { url: 'u', mechanism: 'INTERNAL' },
      ],
    },
  ],
  ['a URLFETCH u "v w"', { name: 'URLFETCH', urls: ['u', 'v w'] }],
  ['a RESETKEY', { name: 'RESETKEY', mailbox: undefined, mechanisms: [] }],
  [
    'a RESETKEY INBOX internal X',
    { name: 'RESETKEY', mailbox: 'INBOX', mechanisms: ['INTERNAL', 'X'] },
  ],
  [
    'a GETMETADATA "" /shared/comment',
    {
      name: 'GETMETADATA',
      mailbox: '',
      entries: ['/shared/comment'],
      depth: '0',
      maxSize: undefined,
    },
  ],
  [
    'a GETMETADATA INBOX (MAXSIZE 1024 DEPTH 1) (/private/Comment /shared/x)',
    {
      name: 'GETMETADATA',
      mailbox: 'INBOX',
      entries: ['/private/comment', '/shared/x'],
      depth: '1',
      maxSize: 1024,
    },
  ],
  [
    'a SETMETADATA INBOX (/private/comment NIL)',
    {
      name: 'SETMETADATA',
      mailbox: 'INBOX',
      entries: [{ name: '/private/comment', value: undefined }],
    },
  ],
  [
    'a GETMETADATA (DEPTH infinity) "INBOX" /private',
    {
      ...{ name: 'GETMETADATA', mailbox: 'INBOX', entries: ['/private'] },
      ...{ depth: 'infinity', maxSize: undefined },
    },
  ],
  [
    'a SETMETADATA "" (/shared/a "x" /private/b ~{2}\r\n\0y)',
    {
      ...{ name: 'SETMETADATA', mailbox: '' },
      entries: [
        { name: '/shared/a', value: Buffer.from('x') },
        { name: '/private/b', value: Buffer.from('\0y') },
      ],
    },
  ],
  ['a SETQUOTA x ()', { name: 'SETQUOTA', root: 'x', limits: new Map() }],
  ['a NOTIFY NONE', { name: 'NOTIFY', groups: undefined, status: false }],
  [
    'a NOTIFY SET STATUS (selected-delayed (MessageNew (FLAGS UID) MessageExpunge)) (subtree (a "b c") NONE) ',
    {
      name: 'NOTIFY',
      groups: [
        {
          mailboxes: { kind: 'selected-delayed' },
          events: [
            { name: 'MESSAGENEW', items: [{ kind: 'FLAGS' }, { kind: 'UID' }] },
            { name: 'MESSAGEEXPUNGE', items: [] },
          ],
        },
        { mailboxes: { kind: 'subtree', names: ['a', 'b c'] }, events: [] },
      ],
      status: true,
    },
  ],
  [
    'a NOTIFY SET (mailboxes Sent (MessageNew MessageExpunge FlagChange))',
    {
      name: 'NOTIFY',
      groups: [
        {
          mailboxes: { kind: 'mailboxes', names: ['Sent'] },
          events: ['MESSAGENEW', 'MESSAGEEXPUNGE', 'FLAGCHANGE'].map((name) => ({
            ...{ name, items: [] },
          })),
        },
      ],
      status: false,
    },
  ],
  // RFC 9051 §6.4.4
  ['a SEARCH ALL', search({ kind: 'all' })],
  ['a SEARCH 1:*,5', search({ kind: 'sequence', set: set([1, 0], [5, 5]) })],
  ['a SEARCH $', search({ kind: 'sequence', set: { kind: 'saved' } })],
  [
    'a UID SEARCH UID 4294967295',
    search({ kind: 'uid', set: set([4294967295, 4294967295]) }, { uid: true }),
  ],
  [
    'a SEARCH FLAGGED UNSEEN',
    search({ kind: 'and', keys: [flag('\\Flagged'), flag('\\Seen', false)] }),
  ],
  [
    'a SEARCH NOT (OR DRAFT KEYWORD $Forwarded)',
    search({ kind: 'not', key: { kind: 'or', keys: [flag('\\Draft'), flag('$Forwarded')] } }),
  ],
  [
    'a SEARCH CHARSET UTF-8 SUBJECT {4}\r\n\xc3\xa9\xc3\xa9 FROM "x y"',
    search({ kind: 'and', keys: [header('subject', 'éé'), header('from', 'x y')] }),
  ],
  [
    'a SEARCH CHARSET KOI8-R OR SUBJECT "\xf0\xd2\xc9" HEADER X-A {1+}\r\n\xc1',
    search({ kind: 'or', keys: [header('subject', 'При'), header('x-a', 'а')] }),
  ],
  ['a SEARCH CHARSET iso-2022-jp SUBJECT {8+}\r\n\x1b$B;3\x1b(B', search(header('subject', '山'))],
  ['a SEARCH HEADER Message-ID ""', search(header('message-id', ''))],
  [
    'a SEARCH SINCE 1-Feb-1994 SENTBEFORE "02-Jan-2026"',
    search({
      kind: 'and',
      keys: [
        { kind: 'internal', is: 'since', day: 8797 },
        { kind: 'sent', is: 'before', day: 20455 },
      ],
    }),
  ],
  [
    'a SEARCH LARGER 100 SMALLER 200 ',
    search({
      kind: 'and',
      keys: [
        { kind: 'larger', octets: 100 },
        { kind: 'smaller', octets: 200 },
      ],
    }),
  ],
  [
    'a SEARCH OLDER 60 YOUNGER 3600',
    search({
      kind: 'and',
      keys: [
        { kind: 'older', seconds: 60 },
        { kind: 'younger', seconds: 3600 },
      ],
    }),
  ],
  ...['Answered', 'Deleted', 'Draft', 'Flagged', 'Seen'].flatMap((name): [string, Command][] => [
    [`a SEARCH ${name}`, search(flag(`\\${name}`))],
    [`a SEARCH UN${name}`, search(flag(`\\${name}`, false))],
  ]),
  [
    'a SEARCH KEYWORD $Junk UNKEYWORD x',
    search({ kind: 'and', keys: [flag('$Junk'), flag('x', false)] }),
  ],
  ['a SEARCH OLD', search({ kind: 'recent', set: false })],
  ['a SEARCH RECENT', search({ kind: 'recent', set: true })],
  ['a SEARCH MODSEQ "/flags/x" priv 1', search({ kind: 'modseq', since: 1 })],
  ['a SEARCH MODSEQ "/flags/x" shared 1', search({ kind: 'modseq', since: 1 })],
  [
    'a SEARCH MODSEQ "/flags/\\\\draft" all 620162338',
    search({ kind: 'modseq', since: 620162338 }),
  ],
  [
    'a SEARCH RETURN () BODY x',
    search({ kind: 'body', text: 'x' }, { returns: [{ kind: 'ALL' }] }),
  ],
  [
    'a SEARCH RETURN (MIN COUNT SAVE) TEXT x',
    search(
      { kind: 'text', text: 'x' },
      { returns: [{ kind: 'MIN' }, { kind: 'COUNT' }, { kind: 'SAVE' }] },
    ),
  ],
  [
    'a SEARCH RETURN (PARTIAL -1:-100) ALL',
    search({ kind: 'all' }, { returns: [{ kind: 'PARTIAL', window: { from: -1, to: -100 } }] }),
  ],
  // RFC 5256
  [
    'a SORT (REVERSE DATE SUBJECT) UTF-8 ALL',
    {
      name: 'SORT',
      uid: false,
      criteria: [
        { key: 'DATE', reverse: true },
        { key: 'SUBJECT', reverse: false },
      ],
      key: { kind: 'all' },
      returns: undefined,
    },
  ],
  [
    'a UID THREAD REFERENCES US-ASCII ALL',
    { name: 'THREAD', uid: true, algorithm: 'REFERENCES', key: { kind: 'all' } },
  ],
  // RFC 9051 §6.4.5
  ['a FETCH 1 FLAGS', fetch([{ kind: 'FLAGS' }])],
  ['a FETCH 1 FAST', fetch([{ kind: 'FLAGS' }, { kind: 'INTERNALDATE' }, { kind: 'RFC822.SIZE' }])],
  [
    'a UID FETCH 5:2 (UID BODY)',
    fetch([{ kind: 'UID' }, { kind: 'BODY' }], { uid: true, set: set([5, 2]) }),
  ],
  ['a FETCH 1 BODY[]', fetch([section({})])],
  [
    'a FETCH 1 BODY.PEEK[]<0.2048>',
    fetch([section({}, { peek: true, partial: { offset: 0, length: 2048 } })]),
  ],
  [
    'a FETCH 1 (BODY[1.2.3] BODY[1.MIME] BODY[2.HEADER])',
    fetch([
      section({ part: [1, 2, 3] }),
      section({ part: [1], text: 'MIME' }),
      section({ part: [2], text: 'HEADER' }),
    ]),
  ],
  [
    'a FETCH 1 BODY[HEADER.FIELDS (Date "X-Y")]',
    fetch([section({ text: 'HEADER.FIELDS', fields: ['Date', 'X-Y'] })]),
  ],
  [
    'a FETCH 1 BODY[4.HEADER.FIELDS.NOT (To)]',
    fetch([section({ part: [4], text: 'HEADER.FIELDS.NOT', fields: ['To'] })]),
  ],
  [
    'a FETCH 1 RFC822.HEADER',
    fetch([section({ text: 'HEADER' }, { as: 'RFC822.HEADER', peek: true })]),
  ],
  [
    'a FETCH 1 (BINARY[1] BINARY.PEEK[2.1]<5.6> BINARY.SIZE[])',
    fetch([
      { kind: 'BINARY', peek: false, part: [1], partial: undefined },
      { kind: 'BINARY', peek: true, part: [2, 1], partial: { offset: 5, length: 6 } },
      { kind: 'BINARY.SIZE', part: [] },
    ]),
  ],
  [
    'a FETCH 1 (PREVIEW (LAZY) MODSEQ)',
    fetch([{ kind: 'PREVIEW', lazy: true }, { kind: 'MODSEQ' }]),
  ],
  [
    'a UID FETCH 1 FLAGS (CHANGEDSINCE 12345 VANISHED)',
    fetch([{ kind: 'FLAGS' }], { uid: true, changedSince: 12345, vanished: true }),
  ],
  ['a FETCH 1 FLAGS (PARTIAL 1:100)', fetch([{ kind: 'FLAGS' }], { window: { from: 1, to: 100 } })],
  // RFC 9051 §6.4.6, RFC 7162 §3.1.3
  ['a STORE 1 +FLAGS (\\SEEN $Junk)', store('add', ['\\Seen', '$Junk'])],
  ['a STORE 1 -FLAGS.SILENT \\Deleted', store('remove', ['\\Deleted'], { silent: true })],
  ['a STORE 1 FLAGS ()', store('replace', [])],
  ['a STORE 1 (UNCHANGEDSINCE 12) FLAGS a b', store('replace', ['a', 'b'], { unchangedSince: 12 })],
  ['a COPY 1 foo', { name: 'COPY', uid: false, set: one, mailbox: 'foo' }],
  ['a UID MOVE $ foo', { name: 'MOVE', uid: true, set: { kind: 'saved' }, mailbox: 'foo' }],
  ['a EXPUNGE', { name: 'EXPUNGE', uids: undefined }],
  ['a UID EXPUNGE 1', { name: 'EXPUNGE', uids: one }],
];

/** `text` is part of what the client is told. */
const bad: readonly (readonly [line: string, text: string])[] = [
  ['a NOTIFY FROB', 'Expected SET or NONE'],
  ['a NOTIFY SET (all NONE)', 'cannot be watched'],
  ['a NOTIFY SET (selected NONE) (selected-delayed NONE)', 'Only one group'],
  [
    'a NOTIFY SET (personal (MessageNew (FLAGS) MessageExpunge))',
    'FETCH items are for the selected mailbox only',
  ],
  [
    'a NOTIFY SET (personal (AnnotationChange MessageExpunge MessageNew FlagChange)) (x',
    'cannot be watched',
  ],
  ['a NOTIFY SET (personal (AnnotationChange))', 'FlagChange needs'],
  ['a GETMETADATA (FROB 1) INBOX /private/x', 'option is not known'],
  ['a STORE 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 2) FLAGS (x)', 'stands twice'],
  ['a STORE 1 (FROB 1) FLAGS (x)', 'modifier is not known'],
  ['a FETCH 1 FLAGS (FROB)', 'modifier is not known'],
  ['a FETCH 1 (PREVIEW (FROB))', 'modifier is not known'],
  ['a SEARCH RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL', 'stands twice'],
  ['a SEARCH MODSEQ "/flags/x" frob 1', 'type of an entry'],
  // RFC 5465 §5
  ['a NOTIFY SET (personal (MessageNew))', 'MessageNew and MessageExpunge go together'],
  ['a NOTIFY SET (selected (MessageExpunge))', 'MessageNew and MessageExpunge go together'],
  ['a NOTIFY SET (personal (FlagChange))', 'FlagChange needs MessageNew and MessageExpunge'],
  [
    'a NOTIFY SET (selected (MessageNew MessageExpunge MailboxName))',
    'Only events of messages are for the selected mailbox',
  ],
  ['', 'begins with a tag'],
  ['a', 'Which command'],
  ['+ NOOP', 'begins with a tag'],
  ['(a) NOOP', 'begins with a tag'],
  ['a FROB', 'not known'],
  ['a UID FROB', 'UID command is not known'],
  ['a NOOP x', 'Expected'],
  ['a  NOOP', 'Expected a command'],
  ['a LOGIN ann', 'Expected'],
  ['a LOGIN ann secret more', 'Expected'],
  ['a LOGIN "ann secret', 'Expected a user name'],
  ['a LOGIN "a\rb" x', 'Expected a user name'],
  ['a LOGIN {3}\r\nab', 'cut off'],
  ['a LOGIN {3}\r\na\0b x', 'NUL'],
  ['a LOGIN \xc3\xa9 x', 'Expected a user name'],
  ['a LOGIN "\xff" x', 'UTF-8'],
  ['a LOGIN ann {99999999999999999999}\r\n', 'cut off'],
  ['a AUTHENTICATE PLAIN !!', 'base64'],
  ['a ENABLE', 'capabilities'],
  ['a COMPRESS GZIP', 'DEFLATE'],
  ['a SELECT', 'Expected'],
  ['a SELECT INBOX (FROB)', 'not known'],
  ['a SELECT INBOX (QRESYNC (0 1))', 'must not be 0'],
  // RFC 7162 §7: known-uids have no '*'.
  ['a SELECT INBOX (QRESYNC (1 1 1:*))', 'set of numbers'],
  ['a SELECT INBOX (QRESYNC (1 1 $))', 'set of numbers'],
  ['a SELECT INBOX (QRESYNC (1 1 1:9 (1:* 1:2)))', 'set of numbers'],
  ['a SELECT INBOX (QRESYNC (1 1 1:9 (1:2 1:*)))', 'set of numbers'],
  ['a CREATE foo (FROB (\\Sent))', 'not known'],
  ['a LIST ""', 'Expected'],
  ['a LIST "" % RETURN (FROB)', 'not known'],
  ['a LIST (RECURSIVEMATCH) "" %', 'RECURSIVEMATCH'],
  ['a STATUS foo ()', 'empty'],
  ['a STATUS foo (FROB)', 'not known'],
  ['a SETACL foo bob', 'Expected'],
  ['a GETMETADATA INBOX (DEPTH 2) /private/x', 'DEPTH'],
  ['a GENURLAUTH u', 'Expected'],
  ['a URLFETCH', 'Expected'],
  [`a URLFETCH${' u'.repeat(101)}`, 'At most 100'],
  ['a SEARCH', 'Expected'],
  ['a SEARCH FROB', 'not known'],
  ['a SEARCH 0', 'set of numbers'],
  ['a SEARCH 4294967296', 'too large'],
  ['a SEARCH SINCE 31-Feb-2026', 'date'],
  ['a SEARCH SINCE 1-Foo-2026', 'date'],
  // RFC 9051 §9: date-year = 4DIGIT, of which 0000 is none.
  ['a SEARCH SINCE 1-Jan-0000', 'date'],
  ['a SEARCH SENTBEFORE 1-Jan-10000', 'date'],
  ['a SEARCH SENTBEFORE 1-Jan--001', 'date'],
  ['a SEARCH OR SEEN', 'Expected'],
  ['a SEARCH (SEEN', 'Expected'],
  ['a SEARCH ()', 'empty'],
  ['a SEARCH CHARSET KLINGON ALL', 'charset is not known'],
  ['a SEARCH CHARSET x-unknown ALL', 'charset is not known'],
  ['a SEARCH CHARSET EUC-KR SUBJECT "\xff"', 'in its charset'],
  ['a SEARCH CHARSET US-ASCII SUBJECT "\xff"', 'UTF-8'],
  ['a SEARCH SUBJECT "\xff"', 'UTF-8'],
  ['a SEARCH RETURN (ALL PARTIAL 1:2) ALL', 'PARTIAL excludes ALL'],
  ['a SEARCH RETURN (PARTIAL 1:-2) ALL', 'Expected'],
  ['a SORT () UTF-8 ALL', 'empty'],
  ['a SORT (FROB) UTF-8 ALL', 'not known'],
  ['a THREAD FROB UTF-8 ALL', 'not known'],
  ['a FETCH 1', 'Expected'],
  ['a FETCH 1 ()', 'empty'],
  ['a FETCH 1 FROB', 'not known'],
  ['a FETCH 1,,2 FLAGS', 'set of numbers'],
  ['a FETCH a FLAGS', 'set of numbers'],
  ['a FETCH 1 BODY[', 'Expected'],
  ['a FETCH 1 BODY[0]', 'must not be 0'],
  ['a FETCH 1 BODY[MIME]', 'MIME belongs'],
  ['a FETCH 1 BODY[1.FROB]', 'not known'],
  ['a FETCH 1 BODY[HEADER.FIELDS ()]', 'empty'],
  ['a FETCH 1 BODY[]<0.0>', 'must not be 0'],
  ['a FETCH 1 BODY[]<5>', 'Expected'],
  ['a FETCH 1 FLAGS (VANISHED)', 'CHANGEDSINCE'],
  ['a STORE 1 FROB (x)', 'FLAGS'],
  ['a STORE 1 FLAGS (\\Seen', 'Expected'],
  ['a COPY 1', 'Expected'],
  ['a UID EXPUNGE', 'Expected'],
  ['a LIST "" ("a""b")', 'Expected'],
  ['a FETCH 1 BODY[4294967296]', 'too large'],
];

const parsed = (line: string, context: ParseContext = rev1) => parseCommand(line, context);

describe('parseCommand', () => {
  for (const [line, command] of good)
    it(`takes ${JSON.stringify(line)}`, () =>
      assert.deepEqual(parsed(line), { kind: 'command', tag: line.split(' ')[0], command }));

  for (const [line, text] of bad)
    it(`refuses ${JSON.stringify(line)}`, () => {
      const found = parsed(line);
      assert.ok(found.kind === 'malformed', JSON.stringify(found));
      assert.ok(found.text.includes(text), found.text);
      assert.doesNotMatch(found.text, /[^\x20-\x7e]/);
    });

  it('RFC 9051 §5.1: names are UTF-8 once that is enabled, and modified UTF-7 before', () => {
    const name = (line: string, context: ParseContext) => {
      const found = parsed(line, context);
      return found.kind === 'command' && 'mailbox' in found.command && found.command.mailbox;
    };
    assert.equal(name('a DELETE Entw&APw-rfe', rev2), 'Entw&APw-rfe');
    assert.equal(name('a DELETE "Entw\xc3\xbcrfe"', rev2), 'Entwürfe');
    assert.equal(name('a DELETE "Entw\xc3\xbcrfe"', rev1), 'Entwürfe');
  });

  it('lists and keys nest as deep as the limit, each for itself', () => {
    const limits = { ...defaultImapLimits, depth: 3 };
    const nested = (depth: number) => `${'('.repeat(depth)}ALL${')'.repeat(depth)}`;
    for (const [keys, isGood] of [
      [nested(3), true],
      [`NOT ${nested(2)}`, true],
      [`${nested(3)} ${nested(3)} ${nested(3)}`, true],
      [nested(4), false],
      [`NOT ${nested(3)}`, false],
    ] as const)
      assert.equal(
        parsed(`a SEARCH ${keys}`, { ...rev1, limits }).kind === 'command',
        isGood,
        keys,
      );
  });

  it('RFC 5182 §2.1: what is refused and was to be saved is a command all the same', () => {
    const found = parsed('a SEARCH RETURN (SAVE) CHARSET KLINGON SUBJECT x');
    assert.ok(found.kind === 'command' && found.command.name === 'SEARCH');
    assert.match(found.command.refusal?.text ?? '', /charset is not known/);
  });

  it('RFC 6855 §3: no CHARSET with UTF8=ACCEPT', () => {
    const found = parsed('a SEARCH CHARSET UTF-8 ALL', { ...rev2, utf8Accept: true });
    assert.equal(found.kind, 'malformed');
  });

  it('a search has a bounded number of keys, wherever they stand', () => {
    const parsed = (text: string) => parseCommand(text, rev1);
    assert.equal(parsed(`a SEARCH ${'SEEN '.repeat(999)}SEEN`).kind, 'command');
    for (const text of [
      `a SEARCH ${'SEEN '.repeat(1000)}SEEN`,
      `a SEARCH (${'SEEN '.repeat(500)}SEEN) NOT (${'DRAFT '.repeat(500)}DRAFT)`,
      `a SORT (DATE) UTF-8 ${'SEEN '.repeat(1000)}SEEN`,
      `a THREAD REFERENCES UTF-8 ${'SEEN '.repeat(1000)}SEEN`,
    ]) {
      const found = parsed(text);
      assert.equal(found.kind === 'malformed' && found.code, 'LIMIT', text.slice(0, 20));
    }
  });

  it('RFC 5256 §3: a criterion that stands before decides once and for all', () => {
    const parsed = parseCommand(`a SORT (CC ${'REVERSE CC '.repeat(1000)}TO CC) UTF-8 ALL`, rev1);
    assert.ok(parsed.kind === 'command' && parsed.command.name === 'SORT');
    assert.deepEqual(parsed.command.criteria, [
      { key: 'CC', reverse: false },
      { key: 'TO', reverse: false },
    ]);
  });

  it('limits: nesting, ranges, levels of a part, fields: NO [LIMIT], however long the command', () => {
    for (const line of [
      `a SEARCH ${'('.repeat(100_000)}ALL`,
      `a SEARCH ${'NOT '.repeat(100_000)}ALL`,
      `a SEARCH ${'OR ALL '.repeat(100_000)}ALL`,
      `a FETCH 1${',1'.repeat(100_000)} FLAGS`,
      `a FETCH 1 BODY[1${'.1'.repeat(100_000)}]`,
      `a FETCH 1 BODY[HEADER.FIELDS (${'x '.repeat(100_000)})]`,
    ]) {
      const found = parsed(line);
      assert.ok(found.kind === 'malformed', line.slice(0, 30));
      assert.deepEqual([found.status, found.code], ['NO', 'LIMIT'], line.slice(0, 30));
    }
  });

  it('limits: as many as are allowed, and no more', () => {
    for (const [most, line] of [
      [30, (n: number) => `a ID (${'"x" "y" '.repeat(n)})`],
      [100, (n: number) => `a NOTIFY SET${' (personal NONE)'.repeat(n)}`],
      [100, (n: number) => `a LIST "" (${'x '.repeat(n)})`],
      [100, (n: number) => `a FETCH 1 BODY[1${'.1'.repeat(n - 1)}]`],
      [1000, (n: number) => `a FETCH 1 BODY[HEADER.FIELDS (${'x '.repeat(n)})]`],
      [100, (n: number) => `a URLFETCH${' u'.repeat(n)}`],
      [10_000, (n: number) => `a FETCH 1${',1'.repeat(n - 1)} FLAGS`],
      [200, (n: number) => `a SEARCH ${'NOT '.repeat(n)}ALL`],
    ] as const) {
      assert.equal(parsed(line(most)).kind, 'command', line(1));
      assert.equal(parsed(line(most + 1)).kind, 'malformed', line(1));
    }
  });

  it('RFC 6154 §6: USE may name nothing', () =>
    assert.deepEqual(parsed('a CREATE foo (USE ())'), parsed('a CREATE foo')));

  it('a number is as large as 32 bits allow', () =>
    assert.equal(parsed('a FETCH 1 BODY[4294967295]').kind, 'command'));

  it('a set has as many ranges as the limit', () => {
    const context = { ...rev1, limits: { ...defaultImapLimits, ranges: 2 } };
    assert.equal(parsed('a FETCH 1,3 FLAGS', context).kind, 'command');
    assert.equal(parsed('a FETCH 1,3,5 FLAGS', context).kind, 'malformed');
  });

  it('a tag that is too long for an answer is none', () => {
    assert.equal(tagOf(`${'a'.repeat(1000)} NOOP`), undefined);
    assert.equal(tagOf(`${'a'.repeat(900)} NOOP`), 'a'.repeat(900));
  });

  it('knows where APPEND and REPLACE begin', () => {
    assert.deepEqual(beginsAppend('a append INBOX'), {
      tag: 'a',
      name: 'APPEND',
      uid: false,
      rest: 8,
    });
    assert.deepEqual(beginsAppend('a UID REPLACE 1 x'), {
      tag: 'a',
      name: 'REPLACE',
      uid: true,
      rest: 13,
    });
    assert.equal(beginsAppend('a APPEND')?.rest, 8);
    assert.equal(beginsAppend('a UID REPLACE')?.rest, 13);
    assert.equal(beginsAppend('a APPENDIX'), undefined);
    assert.equal(beginsAppend('a APPENDIX x'), undefined);
    assert.equal(beginsAppend('a UID APPEND x'), undefined);
  });
});

describe('properties', () => {
  const lines = good.map(([line]) => line);
  // Pieces of commands in any order find more than octets of any kind do.
  const pieces = fc.constantFrom(...lines.flatMap((line) => line.split(/(?<=[ ()[\]<>"{}\r\n])/)));
  const octets = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    maxLength: 20,
  });
  const line = fc.oneof(
    fc.array(fc.oneof(pieces, octets), { maxLength: 12 }).map((all) => `a ${all.join('')}`),
    fc
      .tuple(fc.constantFrom(...lines), fc.nat(200), octets)
      .map(([text, at, more]) => text.slice(0, at) + more + text.slice(at)),
    octets,
  );

  it('whatever comes is a command or an error, never anything else', () => {
    fc.assert(
      fc.property(line, fc.constantFrom(rev1, rev2), (text, context) => {
        const found = parsed(text, context);
        if (found.kind === 'malformed') assert.match(found.text, /^[\x20-\x7e]+$/);
        else assert.equal(found.tag, tagOf(text));
        beginsAppend(text);
      }),
      { numRuns: 3000 },
    );
  });

  it('a command that is cut short is never taken for the whole one', () => {
    for (const text of lines) {
      const all = parsed(text);
      for (let at = 0; at < text.trimEnd().length; at += 1) {
        const found = parsed(text.slice(0, at));
        if (found.kind === 'command') assert.notDeepEqual(found, all, text.slice(0, at));
      }
    }
  });
});
