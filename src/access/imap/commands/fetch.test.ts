import { describe } from 'node:test';
import type { FolderStore } from '../../../store/folder-store.ts';
import type { Spool } from '../../../store/spool.ts';
import { ann, dialogue, type TestMail } from '../test-dialogue.ts';

const plain =
  'From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nSubject: Hello\r\n' +
  'Date: Fri, 2 Jan 2026 03:04:05 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nHello, Bob.\r\n';
const parts =
  'Subject: parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n' +
  '--b\r\n\r\nText.\r\n--b\r\nContent-Type: application/octet-stream\r\n' +
  'Content-Transfer-Encoding: base64\r\n\r\nAAEC/w==\r\n--b\r\n' +
  'Content-Type: text/plain\r\nContent-Transfer-Encoding: x-odd\r\n\r\nodd\r\n--b--\r\n';
const mails: readonly TestMail[] = [{ text: plain }, { text: parts }];

describe('FETCH', () => {
  dialogue(
    `RFC 9051 §6.4.5: what the columns know
    A! SELECT INBOX
    A> a FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE)
    A< * 1 FETCH (FLAGS () INTERNALDATE " 2-Jan-2026 03:04:05 +0000" RFC822.SIZE 148)
    A< * 2 FETCH (FLAGS () INTERNALDATE " 2-Jan-2026 03:04:05 +0000" RFC822.SIZE 265)
    A< a OK FETCH completed
    A> b UID FETCH 2:9 FLAGS
    A< * 2 FETCH (UID 2 FLAGS ())
    A< b OK …
    A> c UID FETCH 7:* FLAGS
    A< * 2 FETCH (UID 2 FLAGS ())
    A< c OK FETCH completed
    A> d FETCH 3 FLAGS
    A< d BAD …
    A> e FETCH 1 FAST
    A< * 1 FETCH (FLAGS () INTERNALDATE …)
    A< e OK …`,
    { mails },
  );
  dialogue(
    `RFC 9051 §7.5.2: envelope, structure and preview
    A! SELECT INBOX
    A> a FETCH 1 (ENVELOPE BODY PREVIEW)
    A< * 1 FETCH (ENVELOPE ("Fri, 2 Jan 2026 03:04:05 +0000" "Hello" (("Ann" NIL "ann" "example.org")) (("Ann" NIL "ann" "example.org")) (("Ann" NIL "ann" "example.org")) ((NIL NIL "bob" "example.org")) NIL NIL NIL "<1@example.org>") BODY ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 13 1) PREVIEW "Hello, Bob.")
    A< a OK …
    A> b FETCH 2 BODYSTRUCTURE
    A< * 2 FETCH (BODYSTRUCTURE (("text" "plain" …) "mixed" ("boundary" "b") NIL NIL NIL))
    A< b OK …
    A> d FETCH 1 (PREVIEW (LAZY))
    A< * 1 FETCH (PREVIEW "Hello, Bob.")
    A< d OK …`,
    { mails },
  );
  dialogue(
    `RFC 9051 §6.4.5: sections and partials, and \\Seen in the same response
    A! SELECT INBOX
    A> a FETCH 1 BODY.PEEK[HEADER.FIELDS (subject date)]
    A< * 1 FETCH (BODY[HEADER.FIELDS (subject date)] {56}
    A< Subject: Hello
    A< Date: Fri, 2 Jan 2026 03:04:05 +0000
    A<
    A< )
    A< a OK …
    A> b FETCH 1 BODY.PEEK[TEXT]<7.3>
    A< * 1 FETCH (BODY[TEXT]<7> {3}
    A< Bob)
    A< b OK …
    A> c FETCH 1 (BODY[TEXT] UID)
    A< * 1 FETCH (BODY[TEXT] {13}
    A< Hello, Bob.
    A<  UID 1 FLAGS (\\Seen))
    A< c OK …
    A> d FETCH 1 BODY[TEXT]<99.5>
    A< * 1 FETCH (BODY[TEXT]<99> {0}
    A< )
    A< d OK …
    A> e FETCH 2 (BODY.PEEK[1] BODY.PEEK[2.MIME]<0.12> BODY.PEEK[9])
    A< * 2 FETCH (BODY[1] {5}
    A< Text. BODY[2.MIME]<0> {12}
    A< Content-Type BODY[9] NIL)
    A< e OK …
    A> f FETCH 1 RFC822.HEADER
    A< * 1 FETCH (RFC822.HEADER {135}
    A< From: Ann <ann@example.org>
    A< To: bob@example.org
    A< Subject: Hello
    A< Date: Fri, 2 Jan 2026 03:04:05 +0000
    A< Message-ID: <1@example.org>
    A<
    A< )
    A< f OK …`,
    { mails },
  );
  dialogue(
    `RFC 9051 §6.3.3: after EXAMINE reading sets no flag
    A! EXAMINE INBOX
    A> a FETCH 1 BODY[TEXT]
    A< * 1 FETCH (BODY[TEXT] {13}
    A< Hello, Bob.
    A< )
    A< a OK …
    A> b FETCH 1 FLAGS
    A< * 1 FETCH (FLAGS ())
    A< b OK …`,
    { mails },
  );
  dialogue(
    `RFC 3516 §4.2 and §4.3: BINARY decodes, or says that it cannot
    A! SELECT INBOX
    A> a FETCH 2 (BINARY.SIZE[2] BINARY.PEEK[1] BINARY.PEEK[2]<1.2>)
    A< * 2 FETCH (BINARY.SIZE[2] 4 BINARY[1] {5}
    A< Text. BINARY[2]<1> {2}
    A< \x01\x02)
    A< a OK …
    A> b FETCH 2 BINARY.PEEK[2]
    A< * 2 FETCH (BINARY[2] ~{4}
    A< \0\x01\x02\xff)
    A< b OK …
    A> c FETCH 2 (UID BINARY.PEEK[3])
    A< * 2 FETCH (UID 2)
    A< c NO [UNKNOWN-CTE] …
    A> d FETCH 2 BINARY.SIZE[3]
    A< d NO [UNKNOWN-CTE] …`,
    { mails },
  );
  dialogue(
    `RFC 8474 §5, RFC 8514: EMAILID is shared by copies, THREADID is NIL, SAVEDATE
    A! SELECT INBOX
    A! COPY 1 INBOX
    A> a FETCH 1,3 (EMAILID THREADID SAVEDATE)
    A< * 1 FETCH (EMAILID (m…) THREADID NIL SAVEDATE "…")
    A< * 3 FETCH (EMAILID (m…) THREADID NIL SAVEDATE "…")
    A< a OK …`,
    { mails },
  );
  dialogue(
    `RFC 7162 §3.1.4: MODSEQ, CHANGEDSINCE; RFC 9394 §3.3: PARTIAL
    A! SELECT INBOX
    A! STORE 2 +FLAGS.SILENT (\\Flagged)
    A> a UID FETCH 1:* (FLAGS) (CHANGEDSINCE 3)
    A< * OK [HIGHESTMODSEQ 4] …
    A< * 2 FETCH (UID 2 FLAGS (\\Flagged) MODSEQ (4))
    A< a OK …
    A> b UID FETCH 1:* (FLAGS) (PARTIAL -1:-1)
    A< * 2 FETCH (UID 2 FLAGS (\\Flagged))
    A< b OK …
    A> c UID FETCH 1:* (FLAGS) (PARTIAL 1:1)
    A< * 1 FETCH (UID 1 FLAGS ())
    A< c OK …
    A> d UID FETCH 1:* (FLAGS) (PARTIAL 8:9)
    A< d OK …`,
    { mails },
  );
  dialogue(
    `RFC 9051 §7.3.5: a keyword that is new is told of before it is in a message
    A! SELECT INBOX
    B! SELECT INBOX
    B! STORE 1 +FLAGS.SILENT (Urgent)
    A> a FETCH 1 FLAGS
    A< * FLAGS (… Urgent)
    A< * OK [PERMANENTFLAGS (… Urgent \\*)] …
    A< * 1 FETCH (FLAGS (Urgent))
    A< a OK …`,
    { mails },
  );
  dialogue(
    `RFC 7162 §3.2.6: VANISHED goes with QRESYNC, with UIDs, and with CHANGEDSINCE alone
    A! SELECT INBOX
    A> a UID FETCH 1:* (FLAGS) (CHANGEDSINCE 99 VANISHED)
    A< a BAD …
    A! ENABLE QRESYNC
    A> b UID FETCH 1:* (FLAGS) (CHANGEDSINCE 99 VANISHED)
    A< b OK …
    A> c UID FETCH 1:* (FLAGS) (VANISHED)
    A< c BAD …
    A> d FETCH 1:* (FLAGS) (CHANGEDSINCE 99 VANISHED)
    A< d BAD …`,
    { mails },
  );
  dialogue(
    `RFC 9586 §3: with UIDONLY responses are UIDFETCH and VANISHED
    A> a ENABLE UIDONLY IMAP4rev2
    A< * ENABLED UIDONLY IMAP4rev2
    A< a OK …
    A! SELECT INBOX
    A> b UID FETCH 1:* FLAGS
    A< * 1 UIDFETCH (FLAGS ())
    A< * 2 UIDFETCH (FLAGS ())
    A< b OK …
    A> c UID STORE 1 +FLAGS (\\Deleted)
    A< * 1 UIDFETCH (FLAGS (\\Deleted))
    A< c OK …
    A> d EXPUNGE
    A< * VANISHED 1
    A< d OK …
    A> e UID FETCH 2 BINARY.PEEK[1]
    A< * 2 UIDFETCH (BINARY[1] {5}
    A< Text.)
    A< e OK …`,
    { mails },
  );
  dialogue(
    `RFC 2180 §4.1.3: messages that are gone keep their numbers, and FETCH goes on with the others
    A! SELECT INBOX
    B! SELECT INBOX
    B! STORE 1 +FLAGS.SILENT (\\Deleted)
    B! EXPUNGE
    A> a FETCH 1:2 UID
    A< * 2 FETCH (UID 2)
    A< a OK [EXPUNGEISSUED] …
    A> a1 FETCH 1 ENVELOPE
    A< a1 OK [EXPUNGEISSUED] …
    A> a2 FETCH 1:2 (BODY.PEEK[1])
    A< * 2 FETCH (BODY[1] {5}
    A< Text.)
    A< a2 OK [EXPUNGEISSUED] …
    A> b UID FETCH 1:2 UID
    A< * 2 FETCH (UID 2)
    A< * 1 EXPUNGE
    A< b OK …`,
    { mails },
  );
  dialogue(
    `RFC 9051 §6.4.5: large messages come in pieces, whole and in part
    A! SELECT INBOX
    A> a FETCH 1 (BODY.PEEK[TEXT]<199999.9> BODY.PEEK[1]<200000.5> BODY.PEEK[HEADER] RFC822.SIZE)
    A< * 1 FETCH (BODY[TEXT]<199999> {4}
    A< x
    A< x BODY[1]<200000> {3}
    A<
    A< x BODY[HEADER] {18}
    A< Subject: large
    A<
    A<  RFC822.SIZE …)
    A< a OK …
    A> b FETCH 1 BODY[TEXT]
    A< * 1 FETCH (BODY[TEXT] {200003}
    A< <x200000>
    A< x FLAGS (\\Seen))
    A< b OK …`,
    { mails: [{ text: `Subject: large\r\n\r\n${'x'.repeat(200_000)}\r\nx` }] },
  );
});

describe('BINARY of text', () => {
  dialogue(
    `RFC 9051 §7.5.2: lines end in CRLF, and the size is that of what is sent
    A! SELECT INBOX
    A> a FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1] BINARY.PEEK[1]<3.3> BODY.PEEK[TEXT])
    A< * 1 FETCH (BINARY.SIZE[1] 9 BINARY[1] {9}
    A< a
    A< b
    A< c
    A<  BINARY[1]<3> {3}
    A< b
    A<  BODY[TEXT] {12}
    A< YQpiDQpjCg==)
    A< a OK …
    A> b FETCH 2 BINARY.SIZE[1]
    A< * 2 FETCH (BINARY.SIZE[1] 4)
    A< b OK …`,
    {
      mails: ['text/plain', 'text/plain; charset=utf-16'].map((type, i) => ({
        text:
          `Content-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\n\r\n` +
          (i === 0 ? 'YQpiDQpjCg==' : 'YQpiCg=='),
      })),
    },
  );
});

describe('BINARY of what is not text', () => {
  // "#!/bin/sh", LF, "echo hi", LF: a script as editors attach it.
  const script = 'IyEvYmluL3NoCmVjaG8gaGkK';
  dialogue(
    `RFC 3516 §4.2: the octets of an attachment that is no text come back exactly, as text they do not
    A! SELECT INBOX
    A> a FETCH 1 (BINARY.SIZE[1] BINARY.SIZE[2])
    A< * 1 FETCH (BINARY.SIZE[1] 20 BINARY.SIZE[2] 18)
    A< a OK …
    A> b FETCH 1 BINARY.PEEK[2]
    A< * 1 FETCH (BINARY[2] {18}
    A< #!/bin/sh…echo hi…)
    A< b OK …
    A> c FETCH 1 BODY.PEEK[1]
    A< * 1 FETCH (BODY[1] {24}
    A< ${script})
    A< c OK …`,
    {
      mails: [
        {
          text: `Content-Type: multipart/mixed; boundary=b\r\n\r\n${['text', 'application']
            .map(
              (type) =>
                `--b\r\nContent-Type: ${type}/x-sh\r\nContent-Transfer-Encoding: base64\r\n\r\n${script}\r\n`,
            )
            .join('')}--b--\r\n`,
        },
      ],
    },
  );
});

describe('FETCH of large messages', () => {
  const base64 = `${'QUJD'.repeat(19)}\r\n`.repeat(3000);
  const text =
    'Subject: large\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n' +
    `--b\r\n\r\nshort\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64}--b--\r\n`;
  dialogue(
    `RFC 3516 §4.2: parts are decoded piece by piece, and pieces of them found
    A! SELECT INBOX
    A> a FETCH 1 (BINARY.SIZE[2] BINARY.PEEK[2]<170997.9> BODY.PEEK[1])
    A< * 1 FETCH (BINARY.SIZE[2] 171000 BINARY[2]<170997> {3}
    A< ABC BODY[1] {5}
    A< short)
    A< a OK …
    A> b FETCH 1 (BODY.PEEK[2]<233996.4> BODY.PEEK[2.MIME])
    A< * 1 FETCH (BODY[2]<233996> {2}
    A< JD BODY[2.MIME] {37}
    A< Content-Transfer-Encoding: base64
    A<
    A< )
    A< b OK …`,
    { mails: [{ text }] },
  );
  const lines = `X-Line: ${'v'.repeat(990)}\r\n`.repeat(2000);
  dialogue(
    `RFC 9051 §6.4.5.1: a header of 2 MB is whole, and the text is what comes after it
    A! SELECT INBOX
    A> a FETCH 1 BODY.PEEK[TEXT]
    A< * 1 FETCH (BODY[TEXT] {6}
    A< text
    A< )
    A< a OK …
    A> b FETCH 1 BODY.PEEK[HEADER]<2000012.20>
    A< * 1 FETCH (BODY[HEADER]<2000012> {12}
    A< To: late
    A<
    A< )
    A< b OK …
    A> c FETCH 1 BODY.PEEK[HEADER.FIELDS (To)]
    A< * 1 FETCH (BODY[HEADER.FIELDS (To)] {12}
    A< To: late
    A<
    A< )
    A< c OK …`,
    { mails: [{ text: `Subject: x\r\n${lines}To: late\r\n\r\ntext\r\n` }] },
  );
});

describe('content that is gone', () => {
  const lost = {
    prepare: async (store: FolderStore, spool: Spool) => {
      const { id } = (await store.find(ann, 'INBOX'))!;
      const bytes = Buffer.from('From: Bob <bob@example.net>\r\nSubject: Lost\r\n\r\nText\r\n');
      const content = await spool.store(bytes);
      await store.append(id, [{ content, flags: [], received: 0 }]);
      if (content.kind === 'file') await spool.remove(content.key);
    },
    mails: [{ text: 'Subject: One\r\n\r\nText\r\n' }],
  };
  dialogue(
    `RFC 5530 §3 CORRUPTION: names the message, and the others are answered
    A! SELECT INBOX
    A> a FETCH 1:2 (UID BODY.PEEK[TEXT])
    A< * 1 FETCH (UID 1 BODY[TEXT] {6}
    A< Text
    A< )
    A< * 2 FETCH (UID 2)
    A< a NO [CORRUPTION] The server cannot read the content of UID 2: ask the postmaster for a backup
    A> b UID FETCH 2 (FLAGS BINARY.PEEK[1] BODY.PEEK[1] BODY.PEEK[])
    A< * 2 FETCH (UID 2 FLAGS (\\Recent))
    A< b NO [CORRUPTION] …
    A> c FETCH 1:2 (BODY[1])
    A< * 1 FETCH (BODY[1] {6}
    A< Text
    A<  FLAGS (\\Seen))
    A< c NO [CORRUPTION] …
    A> d FETCH 2 FLAGS
    A< * 2 FETCH (FLAGS (\\Recent))
    A< d OK …`,
    lost,
  );
  dialogue(
    `the mailbox is listed, sorted, searched, and the message deleted all the same
    A! SELECT INBOX
    A> a FETCH 1:2 (ENVELOPE PREVIEW)
    A< * 1 FETCH (ENVELOPE (NIL "One" NIL NIL NIL NIL NIL NIL NIL NIL) PREVIEW "Text")
    A< * 2 FETCH (ENVELOPE (NIL "Lost" ((…"bob" "example.net"))… PREVIEW "The server has this message no longer…")
    A< a OK …
    A> b SORT (SUBJECT) UTF-8 ALL
    A< * SORT 2 1
    A< b OK …
    A> c SEARCH OR SUBJECT Lost BODY Text
    A< * SEARCH 1 2
    A< c OK …
    A> d COPY 2 Archive
    A< d OK …
    A> e STORE 2 +FLAGS.SILENT (\\Deleted)
    A< e OK …
    A> f EXPUNGE
    A< * 2 EXPUNGE
    A< * 0 RECENT
    A< f OK …`,
    lost,
  );
});

describe('FETCH items', () => {
  dialogue(
    `RFC 9051 §6.4.5: each item is answered once, however often it is named
    A! SELECT INBOX
    A> a FETCH 1 (UID UID FLAGS FAST UID)
    A< * 1 FETCH (UID 1 FLAGS () INTERNALDATE "…" RFC822.SIZE 25)
    A< a OK …
    A> b UID FETCH 2 (UID RFC822.SIZE RFC822.SIZE)
    A< * 2 FETCH (UID 2 RFC822.SIZE 25)
    A< b OK …
    A> c FETCH 3 (BODY.PEEK[HEADER.FIELDS (X-NONE)] BODY.PEEK[HEADER.FIELDS (x-none)])
    A< * 3 FETCH (BODY[HEADER.FIELDS (X-NONE)] {2}
    A<
    A< )
    A< c OK …
    A> d FETCH 3 (BODY.PEEK[]<0.1> BODY[]<0.1> BODY.PEEK[]<1.1> BINARY.SIZE[1] BINARY.SIZE[1])
    A< * 3 FETCH (BODY[]<0> {1}
    A< S BODY[]<1> {1}
    A< u BINARY.SIZE[1] 6 FLAGS (\\Seen))
    A< d OK …
    A> e FETCH 4 (PREVIEW PREVIEW (LAZY) ALL)
    A< * 4 FETCH (PREVIEW "Text" FLAGS () INTERNALDATE "…" RFC822.SIZE 25 ENVELOPE (…))
    A< e OK …`,
  );
});
