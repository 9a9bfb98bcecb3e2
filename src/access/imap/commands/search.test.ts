import { describe } from 'node:test';
import { dialogue, type TestMail } from '../test-dialogue.ts';

const day = (date: number) => Date.UTC(2026, 0, date, 12);
const mails: readonly TestMail[] = [
  {
    text: 'From: carl@x\r\nSubject: plan\r\nDate: Thu, 1 Jan 2026 01:00:00 +0000\r\nMessage-ID: <a@x>\r\n\r\nalpha',
    flags: ['\\Seen'],
    received: day(1),
  },
  {
    text: 'From: anna@x\r\nSubject: Re: plan\r\nDate: Sat, 3 Jan 2026 01:00:00 +0000\r\nMessage-ID: <b@x>\r\nReferences: <a@x>\r\n\r\nbeta',
    flags: ['\\Seen', '$Work'],
    received: day(2),
  },
  {
    text: 'From: bert@x\r\nSubject: other\r\nDate: Fri, 2 Jan 2026 01:00:00 +0000\r\nMessage-ID: <c@x>\r\n\r\nalpha gamma',
    received: day(3),
  },
  { text: `Subject: big\r\n\r\n${'x'.repeat(500)}`, flags: ['\\Deleted'], received: day(4) },
];

const cases: readonly (readonly [string, string])[] = [
  ['ALL', ' 1 2 3 4'],
  ['UNSEEN', ' 3 4'],
  ['KEYWORD $work', ' 2'],
  ['UNKEYWORD $Work SEEN', ' 1'],
  ['NEW', ''],
  ['OLD DELETED', ' 4'],
  ['SINCE 2-Jan-2026 BEFORE 4-Jan-2026', ' 2 3'],
  ['ON 3-Jan-2026', ' 3'],
  ['SENTSINCE 2-Jan-2026', ' 2 3'],
  ['LARGER 300', ' 4'],
  ['SMALLER 300 NOT SEEN', ' 3'],
  ['SUBJECT PLAN', ' 1 2'],
  ['OR FROM anna BODY gamma', ' 2 3'],
  ['NOT (OR TEXT alpha 4)', ' 2'],
  ['HEADER References ""', ' 2'],
  ['2:* UID 1:3', ' 2 3'],
  ['NOT 1:3', ' 4'],
  ['BODY alpha SUBJECT other', ' 3'],
];

describe('SEARCH', () => {
  const lines = cases.map(
    ([keys, found]) => `A> a SEARCH ${keys}\n A< * SEARCH${found}\n A< a OK …`,
  );
  dialogue(`RFC 9051 §6.4.4: every kind of key\n A! SELECT INBOX\n ${lines.join('\n ')}`, {
    mails,
  });
  dialogue(
    `RFC 4731 §3.1: ESEARCH
    A! SELECT INBOX
    A> a SEARCH RETURN () UNSEEN
    A< * ESEARCH (TAG "a") ALL 3:4
    A< a OK …
    A> b UID SEARCH RETURN (MIN MAX COUNT) ALL
    A< * ESEARCH (TAG "b") UID MIN 1 MAX 4 COUNT 4
    A< b OK …
    A> c SEARCH RETURN (MIN COUNT) FROM nobody
    A< * ESEARCH (TAG "c") COUNT 0
    A< c OK …
    A> d SEARCH 9
    A< * SEARCH
    A< d OK …
    A> e SEARCH RETURN (ALL) 3:9
    A< * ESEARCH (TAG "e") ALL 3:4
    A< e OK …
    A> f SEARCH NOT 4:1000,9
    A< * SEARCH 1 2 3
    A< f OK …
    A> g FETCH 9 UID
    A< g BAD …`,
    { mails },
  );
  const now = Date.UTC(2026, 0, 1);
  dialogue(
    `RFC 5032 §3: OLDER and YOUNGER count seconds from now
    A! SELECT INBOX
    A> a SEARCH YOUNGER 60
    A< * SEARCH 2
    A< a OK …
    A> b SEARCH OLDER 60
    A< * SEARCH 1
    A< b OK …
    A> c SEARCH YOUNGER 7200 OLDER 3
    A< * SEARCH 1 2
    A< c OK …`,
    {
      mails: [
        { text: 'Subject: an hour old\r\n\r\n', received: now - 3_600_000 },
        { text: 'Subject: five seconds old\r\n\r\n', received: now - 5_000 },
      ],
    },
  );
  dialogue(
    `RFC 9051 §6.4.4: IMAP4rev2 is always answered with ESEARCH
    A! ENABLE IMAP4rev2
    A! SELECT INBOX
    A> a SEARCH SEEN
    A< * ESEARCH (TAG "a") ALL 1:2
    A< a OK …
    A> b SEARCH FLAGGED
    A< * ESEARCH (TAG "b")
    A< b OK …`,
    { mails },
  );
  dialogue(
    `RFC 5182 §2: what was saved is used as $, and expunges leave it right
    A! SELECT INBOX
    A> a SEARCH RETURN (SAVE) NOT SUBJECT big
    A< a OK …
    B! SELECT INBOX
    B! STORE 1 +FLAGS.SILENT (\\Deleted)
    B! UID EXPUNGE 1
    A> b NOOP
    A< * 1 EXPUNGE
    A< b OK …
    A> c FETCH $ UID
    A< * 1 FETCH (UID 2)
    A< * 2 FETCH (UID 3)
    A< c OK …
    A> d UID SEARCH $ SEEN
    A< * SEARCH 2
    A< d OK …
    A> e SEARCH RETURN (SAVE MAX) ALL
    A< * ESEARCH (TAG "e") MAX 3
    A< e OK …
    A> f UID FETCH $ FLAGS
    A< * 3 FETCH (UID 4 FLAGS (\\Deleted))
    A< f OK …
    A! SELECT INBOX
    A> g FETCH $ UID
    A< g OK …`,
    { mails },
  );
  dialogue(
    `RFC 5182 §2.1: a search that ends in NO empties $, one that ends in BAD leaves it
    A! SELECT INBOX
    A! SEARCH RETURN (SAVE) 1:2
    A> a SEARCH RETURN (SAVE) NONSENSE
    A< a BAD …
    A> b FETCH $ UID
    A< * 1 FETCH (UID 1)
    A< * 2 FETCH (UID 2)
    A< b OK …
    A> c SEARCH CHARSET KLINGON ALL
    A< c NO [BADCHARSET (UTF-8 US-ASCII)] …
    A> d UID FETCH $ UID
    A< * 1 FETCH (UID 1)
    A< * 2 FETCH (UID 2)
    A< d OK …
    A> e SEARCH RETURN (SAVE) CHARSET KLINGON TEXT {3+}
    A> abc
    A< e NO [BADCHARSET (UTF-8 US-ASCII)] …
    A> f FETCH $ UID
    A< f OK …
    A! SEARCH RETURN (SAVE) 1
    A> g UID SORT RETURN (SAVE) (DATE) KLINGON ALL
    A< g NO [BADCHARSET (UTF-8 US-ASCII)] …
    A> h FETCH $ UID
    A< h OK …`,
    { mails },
  );
  dialogue(
    `RFC 9051 §7.1, EXPUNGEISSUED: what is gone is not found, and it says so
    A! SELECT INBOX
    B! SELECT INBOX
    B! STORE 1 +FLAGS.SILENT (\\Deleted)
    B! UID EXPUNGE 1
    A> a SEARCH ALL
    A< * SEARCH 2 3 4
    A< a OK [EXPUNGEISSUED] …
    A> b SORT (SIZE) UTF-8 1:2
    A< * SORT 2
    A< b OK [EXPUNGEISSUED] …
    A> c THREAD REFERENCES UTF-8 1:2
    A< * THREAD (2)
    A< c OK [EXPUNGEISSUED] …
    A> d UID SEARCH ALL
    A< * SEARCH 2 3 4
    A< * 1 EXPUNGE
    A< d OK SEARCH …`,
    { mails },
  );
  for (const [deep, answer] of [
    [100, '* SEARCH 3 4'],
    [101, '* SEARCH 1 2'],
  ] as const)
    dialogue(
      `NOT ${deep} deep is what it means
      A! SELECT INBOX
      A> a SEARCH ${'NOT '.repeat(deep)}UNSEEN
      A< ${answer}
      A< a OK …
      A> b SEARCH ${'NOT ('.repeat(deep / 2)}UNSEEN${')'.repeat(deep / 2)}
      A< …
      A< b OK …`,
      { mails },
    );
  dialogue(
    `RFC 7162 §3.1.5: MODSEQ as a key and in the result
    A! SELECT INBOX
    A> a SEARCH MODSEQ 4
    A< * OK [HIGHESTMODSEQ 5] …
    A< * SEARCH 3 4 (MODSEQ 5)
    A< a OK …
    A> b SEARCH RETURN (MIN) MODSEQ 4
    A< * ESEARCH (TAG "b") MIN 3 MODSEQ 4
    A< b OK …
    A> c SEARCH MODSEQ 99
    A< * SEARCH
    A< c OK …`,
    { mails },
  );
  dialogue(
    `RFC 9394 §3.1: PARTIAL is a window on the result
    A! SELECT INBOX
    A> a UID SEARCH RETURN (PARTIAL 1:2) ALL
    A< * ESEARCH (TAG "a") UID PARTIAL (1:2 1:2)
    A< a OK …
    A> b UID SEARCH RETURN (PARTIAL -1:-3 COUNT) ALL
    A< * ESEARCH (TAG "b") UID PARTIAL (-1:-3 2:4) COUNT 4
    A< b OK …
    A> c UID SEARCH RETURN (PARTIAL 8:9) ALL
    A< * ESEARCH (TAG "c") UID PARTIAL (8:9 NIL)
    A< c OK …`,
    { mails },
  );
});

describe('SORT and THREAD', () => {
  dialogue(
    `RFC 5256 §3 and §4, RFC 5267 §3: by criteria, and as ESEARCH in the order of the result
    A! SELECT INBOX
    A> a SORT (DATE) UTF-8 NOT SUBJECT big
    A< * SORT 1 3 2
    A< a OK …
    A> b UID SORT (REVERSE SIZE) US-ASCII ALL
    A< * SORT 4 2 3 1
    A< b OK …
    A> c UID SORT RETURN (MIN ALL COUNT) (FROM) UTF-8 SEEN
    A< * ESEARCH (TAG "c") UID MIN 2 ALL 2,1 COUNT 2
    A< c OK …
    A> d SORT (SUBJECT REVERSE ARRIVAL) UTF-8 1:3
    A< * SORT 3 2 1
    A< d OK …`,
    { mails },
  );
  dialogue(
    `RFC 5256 §3: threads by references and by subject
    A! SELECT INBOX
    A> a THREAD REFERENCES UTF-8 1:3
    A< * THREAD (1 2)(3)
    A< a OK …
    A> b UID THREAD ORDEREDSUBJECT UTF-8 FROM bert
    A< * THREAD (3)
    A< b OK …
    A> c THREAD REFERENCES UTF-8 FROM nobody
    A< * THREAD
    A< c OK …`,
    { mails },
  );
});
