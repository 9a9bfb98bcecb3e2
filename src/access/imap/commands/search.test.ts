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
  const size = (octets: number, received: number): TestMail => ({
    text: `A: ${'b'.repeat(octets - 7)}\r\n\r\n`,
    received,
  });
  dialogue(
    `RFC 9051 §6.4.4, RFC 5032 §2: to the octet, to the second, to the day
    A! SELECT INBOX
    A> a SEARCH LARGER 30
    A< * SEARCH 3 4
    A< a OK …
    A> b SEARCH SMALLER 30
    A< * SEARCH 1
    A< b OK …
    A> c SEARCH OLDER 60
    A< * SEARCH 1 2 3
    A< c OK …
    A> d SEARCH YOUNGER 60
    A< * SEARCH 3 4
    A< d OK …
    A> e SEARCH BEFORE 31-Dec-2025
    A< * SEARCH 1
    A< e OK …
    A> f SEARCH ON 31-Dec-2025
    A< * SEARCH 2 3 4
    A< f OK …
    A> g SEARCH SINCE 31-Dec-2025
    A< * SEARCH 2 3 4
    A< g OK …
    A> h SEARCH ON 30-Dec-2025
    A< * SEARCH 1
    A< h OK …
    A> i SEARCH SAVEDON 1-Jan-2026
    A< * SEARCH 1 2 3 4
    A< i OK …
    A> j SEARCH OR SAVEDBEFORE 1-Jan-2026 SAVEDSINCE 2-Jan-2026
    A< * SEARCH
    A< j OK …`,
    {
      mails: [
        size(29, now - 86_400_001),
        size(30, now - 86_400_000),
        size(31, now - 60_000),
        size(32, now - 59_999),
      ],
    },
  );
  dialogue(
    `RFC 9586 §3: with UIDONLY no key has message numbers, however deep; the saved result has none
    A! ENABLE UIDONLY
    A! SELECT INBOX
    A> a UID SEARCH 1
    A< a BAD [UIDREQUIRED] …
    A> b UID SEARCH OR SEEN NOT (ALL 2:3)
    A< b BAD [UIDREQUIRED] …
    A> c SEARCH ALL
    A< c BAD [UIDREQUIRED] …
    A> d UID SORT (DATE) UTF-8 NOT 1
    A< d BAD [UIDREQUIRED] …
    A> e UID THREAD REFERENCES UTF-8 OR 1 2
    A< e BAD [UIDREQUIRED] …
    A> f UID SEARCH RETURN (SAVE) UID 2:3
    A< f OK …
    A> g UID SEARCH OR $ UID 1
    A< * SEARCH 1 2 3
    A< g OK …`,
    { mails },
  );
  dialogue(
    `RFC 9051 §7.5.1: keys are about the messages that the session knows, whatever went and came
    A! SELECT INBOX
    B! SELECT INBOX
    B! STORE 2 +FLAGS.SILENT (\\Deleted)
    B! UID EXPUNGE 2
    B! COPY 1 INBOX
    A> a SEARCH SEEN
    A< * SEARCH 1
    A< * 5 EXISTS
    A< * … RECENT
    A< a OK [EXPUNGEISSUED] …
    A> b SEARCH NOT SEEN
    A< * SEARCH 3 4
    A< b OK [EXPUNGEISSUED] …
    A> c SEARCH OR BODY gamma UID 2:3
    A< * SEARCH 3
    A< c OK [EXPUNGEISSUED] …
    A> d SEARCH NOT BODY alpha
    A< * SEARCH 4
    A< d OK [EXPUNGEISSUED] …
    A> e SEARCH 2:5 SINCE 1-Jan-2026
    A< * SEARCH 3 4 5
    A< e OK [EXPUNGEISSUED] …`,
    { mails },
  );
  dialogue(
    `RFC 4731 §3.1, RFC 7162 §3.1.10: MODSEQ is the greatest of the messages that the answer names
    A! SELECT INBOX
    B! SELECT INBOX
    B! STORE 2 +FLAGS.SILENT (\\Flagged)
    A> a SEARCH RETURN (MIN) MODSEQ 1
    A< * OK [HIGHESTMODSEQ 6] …
    A< * ESEARCH (TAG "a") MIN 1 MODSEQ 2
    A< …
    A< a OK …
    A> b SEARCH RETURN (MIN MAX) MODSEQ 1
    A< * ESEARCH (TAG "b") MIN 1 MAX 4 MODSEQ 5
    A< b OK …
    A> c SEARCH RETURN (COUNT) MODSEQ 1
    A< * ESEARCH (TAG "c") COUNT 4 MODSEQ 6
    A< c OK …
    A> d SEARCH RETURN (PARTIAL 3:3) MODSEQ 1
    A< * ESEARCH (TAG "d") PARTIAL (3:3 3) MODSEQ 4
    A< d OK …
    A> e SEARCH RETURN (ALL) MODSEQ 99
    A< * ESEARCH (TAG "e")
    A< e OK …
    A> f SORT (ARRIVAL) UTF-8 OR MODSEQ 6 NOT MODSEQ 3
    A< * SORT 1 2 (MODSEQ 6)
    A< f OK …
    A> g SEARCH RETURN (SAVE MIN MAX) ALL
    A< * ESEARCH (TAG "g") MIN 1 MAX 4
    A< g OK …
    A> h FETCH $ UID
    A< * 1 FETCH (UID 1)
    A< * 4 FETCH (UID 4)
    A< h OK …
    A> i SEARCH RETURN (SAVE MIN COUNT) ALL
    A< * ESEARCH (TAG "i") MIN 1 COUNT 4
    A< i OK …
    A> j SEARCH $
    A< * SEARCH 1 2 3 4
    A< j OK …
    A> k SEARCH RETURN (SAVE PARTIAL -1:-2) ALL
    A< * ESEARCH (TAG "k") PARTIAL (-1:-2 3:4)
    A< k OK …
    A> l SEARCH $
    A< * SEARCH 3 4
    A< l OK …
    A> m SEARCH RETURN (SAVE MIN) KEYWORD none
    A< * ESEARCH (TAG "m")
    A< m OK …
    A> n SEARCH $
    A< * SEARCH
    A< n OK …`,
    { mails },
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
    `RFC 9051 §7.5.1: the last message that has gone is not found either
    A! SELECT INBOX
    B! SELECT INBOX
    B! STORE 4 +FLAGS.SILENT (\\Deleted)
    B! EXPUNGE
    A> a SEARCH ALL
    A< * SEARCH 1 2 3
    A< a OK [EXPUNGEISSUED] …
    A> b SEARCH DELETED
    A< * SEARCH
    A< b OK [EXPUNGEISSUED] …`,
    { mails },
  );
  dialogue(
    `RFC 9051 §6.4.4: numbers and UIDs are two things; RFC 8474 §5.3: so are messages of one identifier
    A! SELECT INBOX
    A! STORE 1 +FLAGS.SILENT (\\Deleted)
    A! UID EXPUNGE 1
    A> a SEARCH 2:3
    A< * SEARCH 2 3
    A< a OK …
    A> b SEARCH UID 2:3
    A< * SEARCH 1 2
    A< b OK …
    A> c UID SEARCH 1,3
    A< * SEARCH 2 4
    A< c OK …
    A> d UID SEARCH EMAILID none
    A< * SEARCH
    A< d OK …
    A> e UID SEARCH NOT EMAILID none
    A< * SEARCH 2 3 4
    A< e OK …
    A> f SEARCH OR THREADID none SAVEDATESUPPORTED
    A< * SEARCH 1 2 3
    A< f OK …`,
    { mails },
  );
  dialogue(
    `RFC 5182 §2.1: of what was saved nothing is left when all of it has gone
    A! SELECT INBOX
    A! SEARCH RETURN (SAVE) ALL
    A! STORE 1:* +FLAGS.SILENT (\\Deleted)
    A! EXPUNGE
    A> a FETCH $ UID
    A< a OK FETCH completed
    A> b UID COPY $ Archive
    A< b OK COPY completed
    A> c SEARCH $
    A< * SEARCH
    A< c OK SEARCH completed
    A> d FETCH * UID
    A< d BAD …
    A> e UID FETCH * UID
    A< e OK FETCH completed`,
    { mails },
  );
  dialogue(
    `RFC 9051 §9: '*' is the last, ranges may be written backwards, and each message is meant once
    A! SELECT INBOX
    A> a FETCH *:3,4,3 UID
    A< * 3 FETCH (UID 3)
    A< * 4 FETCH (UID 4)
    A< a OK …
    A> b UID FETCH 9:*,1,1:2 UID
    A< * 1 FETCH (UID 1)
    A< * 2 FETCH (UID 2)
    A< * 4 FETCH (UID 4)
    A< b OK …
    A> c UID FETCH 2,4 UID
    A< * 2 FETCH (UID 2)
    A< * 4 FETCH (UID 4)
    A< c OK …
    A> d FETCH 5 UID
    A< d BAD …
    A> e FETCH 5:1 UID
    A< e BAD …
    A> f FETCH 4:5 UID
    A< f BAD …
    A> g UID FETCH 5:7 UID
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
  const thread = (id: string, references: string, hour: number): TestMail => ({
    text: `Subject: plan\r\nDate: Thu, 1 Jan 2026 0${hour}:00:00 +0000\r\nMessage-ID: <${id}@x>\r\nReferences: ${references}\r\n\r\n`,
  });
  dialogue(
    `RFC 5256 §3: answers to answers are below them by references, by subject all below the first
    A! SELECT INBOX
    A> a THREAD REFERENCES UTF-8 ALL
    A< * THREAD (1 2 3)
    A< a OK …
    A> b THREAD ORDEREDSUBJECT UTF-8 ALL
    A< * THREAD (1 (2)(3))
    A< b OK …`,
    { mails: [thread('a', '', 1), thread('b', '<a@x>', 2), thread('c', '<a@x> <b@x>', 3)] },
  );
});
