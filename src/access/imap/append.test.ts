import { describe } from 'node:test';
import { bob, dialogue } from './test-dialogue.ts';

describe('APPEND', () => {
  dialogue(
    `RFC 9051 §6.3.12, RFC 4315 §3: flags, date, APPENDUID; the selected mailbox is told at once
    A! SELECT INBOX
    A> a APPEND INBOX (\\Seen work \\Recent) "05-Jan-2026 06:07:08 +0100" {20+}
    A> Subject: new
    A>
    A> Text
    A< * 5 EXISTS
    A< * … RECENT
    A< * FLAGS (… work)
    A< * OK [PERMANENTFLAGS …] …
    A< a OK [APPENDUID {v} 5] …
    A> b FETCH 5 (FLAGS INTERNALDATE BODY.PEEK[])
    A< * 5 FETCH (FLAGS (\\Recent \\Seen work) INTERNALDATE " 5-Jan-2026 05:07:08 +0000" BODY[] {20}
    A< Subject: new
    A<
    A< Text)
    A< b OK …`,
  );
  dialogue(
    `RFC 9051 §9: a date that has another year in UTC, and one that has none that can be told
    A! SELECT INBOX
    A> a APPEND INBOX "31-Dec-9999 23:30:00 +0100" {3+}
    A> abc
    A< * 5 EXISTS
    A< * 1 RECENT
    A< a OK …
    A> b APPEND INBOX " 1-Jan-0001 00:30:00 -0030" {3+}
    A> abc
    A< * 6 EXISTS
    A< * 2 RECENT
    A< b OK …
    A> c FETCH 5:6 INTERNALDATE
    A< * 5 FETCH (INTERNALDATE "31-Dec-9999 22:30:00 +0000")
    A< * 6 FETCH (INTERNALDATE " 1-Jan-0001 01:00:00 +0000")
    A< c OK …
    A> d APPEND INBOX "31-Dec-9999 23:30:00 -0100" {3}
    A< d BAD That is no date-time…
    A> e APPEND INBOX " 1-Jan-0001 00:30:00 +0100" {3}
    A< e BAD That is no date-time…
    A> f APPEND INBOX " 1-Jan-0000 00:30:00 +0000" {3}
    A< f BAD That is no date-time…
    A> g APPEND INBOX " 1-Jan-2026 00:30:00 +0160" {3}
    A< g BAD That is no date-time…
    A> h SEARCH SINCE 31-Dec-9999
    A< * SEARCH 5
    A< h OK …`,
  );
  dialogue(
    `RFC 3502: several messages, all or none
    A> a APPEND INBOX {3+}
    A> one (\\Seen) {3+}
    A> two
    A< a OK [APPENDUID {v} 5:6] …
    A> b APPEND INBOX {3+}
    A> one {0+}
    A< b NO …
    A>
    A> c STATUS INBOX (MESSAGES)
    A< * STATUS "INBOX" (MESSAGES 6)
    A< c OK …`,
  );
  dialogue(
    `RFC 9051 §7.1, RFC 7889 §4, RFC 5530 §3: what is refused before a message is sent
    A> a APPEND Nowhere {10}
    A< a NO [TRYCREATE] …
    A> b APPEND INBOX {1001}
    A< b NO [TOOBIG] …
    A> c APPEND INBOX {900}
    A< c NO [OVERQUOTA] …
    A> d APPEND "Other Users/bob@example.org/Team" {10}
    A< d NO [NOPERM] …`,
    {
      appendBytes: 1000,
      quotaBytes: 800,
      prepare: async (store) => {
        const team = await store.create(bob, 'Team', undefined);
        await store.setAcl(team.id, 'ann@example.org', 'lr');
      },
    },
  );
  dialogue(
    `RFC 3516 §6: a part with a NUL is kept as base64; nothing else is touched
    A! SELECT INBOX
    A> a APPEND INBOX ~{101+}
    A> MIME-Version: 1.0
    A> Content-Type: application/octet-stream
    A> Content-Transfer-Encoding: binary
    A>
    A> a\0
    A> b
    A< * 5 EXISTS
    A< * … RECENT
    A< a OK …
    A> b FETCH 5 (RFC822.SIZE BODY.PEEK[])
    A< * 5 FETCH (RFC822.SIZE 106 BODY[] {106}
    A< MIME-Version: 1.0
    A< Content-Type: application/octet-stream
    A< Content-Transfer-Encoding: base64
    A<
    A< YQANCmI=
    A< )
    A< b OK …
    A> c FETCH 5 BINARY.PEEK[1]
    A< * 5 FETCH (BINARY[1] ~{5}
    A< a\0
    A< b)
    A< c OK …
    A> d APPEND INBOX ~{41+}
    A> Content-Transfer-Encoding: binary
    A>
    A> a
    A> b
    A< * 6 EXISTS
    A< * … RECENT
    A< d OK …
    A> e FETCH 6 BODY.PEEK[TEXT]
    A< * 6 FETCH (BODY[TEXT] {4}
    A< a
    A< b)
    A< e OK …`,
  );
  dialogue(
    `RFC 4469: CATENATE of texts and of parts of other messages
    A> a APPEND INBOX CATENATE (URL "/INBOX;UIDVALIDITY={v}/;UID=1/;SECTION=HEADER" TEXT {3+}
    A> new URL "/INBOX/;UID=2/;SECTION=TEXT")
    A< a OK [APPENDUID {v} 5] …
    A! SELECT INBOX
    A> b FETCH 5 BODY.PEEK[]
    A< * 5 FETCH (BODY[] {28}
    A< Subject: mail 1
    A<
    A< newText
    A< )
    A< b OK …
    A> c APPEND INBOX CATENATE (TEXT {3+}
    A> new URL "/INBOX/;UID=77")
    A< c NO [BADURL /INBOX/;UID=77] …
    A> d APPEND INBOX CATENATE (URL "imap://elsewhere/INBOX/;UID=1")
    A< d NO [BADURL imap://elsewhere/INBOX/;UID=1] …
    A> e STATUS INBOX (MESSAGES)
    A< * STATUS "INBOX" (MESSAGES 5)
    A< e OK …
    A> f APPEND INBOX CATENATE (URL "INBOX;UID=1")
    A< * 6 EXISTS
    A< * … RECENT
    A< f OK [APPENDUID …] …`,
  );
  dialogue(
    `RFC 4469 §3: a URL without a mailbox is of the one that is selected
    A> a APPEND INBOX CATENATE (URL "/;UID=1/;SECTION=TEXT")
    A< a NO [BADURL /;UID=1/;SECTION=TEXT] …
    A! SELECT INBOX
    A> b APPEND Drafts CATENATE (URL "/;UID=1/;SECTION=TEXT" URL ";UID=2/;SECTION=TEXT/;PARTIAL=0.3")
    A< b OK [APPENDUID … 1] …
    A> c APPEND Drafts CATENATE (URL "/;UID=77")
    A< c NO [BADURL /;UID=77] …
    A! SELECT Drafts
    A> d FETCH 1 BODY.PEEK[]
    A< * 1 FETCH (BODY[] {9}
    A< Text
    A< Tex)
    A< d OK …`,
  );
  dialogue(
    `RFC 7889 §4, RFC 4469 §4: a message that is put together has the same limit, to the octet
    A> a APPEND INBOX CATENATE (TEXT {26+}
    A> <x26>)
    A< a OK …
    A> b APPEND INBOX CATENATE (URL "/INBOX/;UID=1")
    A< b OK …
    A> c APPEND INBOX CATENATE (TEXT {1+}
    A> x URL "/INBOX/;UID=1")
    A< c NO [TOOBIG] …
    A> d APPEND INBOX CATENATE (URL "no url")
    A< d NO [BADURL no url] …`,
    {
      appendBytes: 26,
      mails: [{ text: 'Subject: mail 1\r\n\r\nText\r\n'.slice(-26).padStart(26, 'S') }],
    },
  );
  dialogue(
    `RFC 9208 §4.3: what fits is taken, to the octet, and another's folder has their room
    A> a APPEND INBOX {10+}
    A> <x10>
    A< a OK …
    A> b APPEND INBOX {1}
    A< b NO [OVERQUOTA] …
    A! SELECT INBOX
    A> c UID REPLACE 1 INBOX {10+}
    A> <x10>
    A< * OK [APPENDUID {v} 2] …
    A< * 1 EXPUNGE
    A< * 1 EXISTS
    A< * … RECENT
    A< c OK …
    A> d APPEND "Other Users/bob@example.org/Team" {10+}
    A> <x10>
    A< d OK …`,
    {
      ...{ quotaBytes: 10, mails: [] },
      prepare: async (store) => {
        const team = await store.create(bob, 'Team', undefined);
        await store.setAcl(team.id, 'ann@example.org', 'lrsi');
      },
    },
  );
  dialogue(
    `RFC 7162 §3.2.7: REPLACE says the mod-sequence to who has enabled QRESYNC
    A! SELECT INBOX
    A> a UID REPLACE 1 Drafts {3+}
    A> new
    A< * OK [APPENDUID … 1] …
    A< * 1 EXPUNGE
    A< a OK REPLACE completed
    A! ENABLE QRESYNC
    A> b UID REPLACE 2 Drafts {3+}
    A> new
    A< * OK [APPENDUID … 2] …
    A< * VANISHED 2
    A< b OK [HIGHESTMODSEQ …] …`,
  );
  dialogue(
    `RFC 8508 §3.5, RFC 4314 §4: nothing is replaced where rights have gone meanwhile
    A! SETACL INBOX ${bob} lrswite
    B! SELECT "Other Users/ann@example.org/INBOX"
    A! SETACL INBOX ${bob} lrswi
    B> a UID REPLACE 2 Drafts {3+}
    B< * FLAGS …
    B< * OK [PERMANENTFLAGS …] …
    B< a NO [NOPERM] …
    B> abc
    B! UID FETCH 2 FLAGS`,
    { accounts: { B: bob } },
  );
  dialogue(
    `RFC 8508: REPLACE puts one message in the place of another
    A! SELECT INBOX
    A> a REPLACE 2 Drafts (\\Draft) {3+}
    A> new
    A< * OK [APPENDUID … 1] …
    A< * 2 EXPUNGE
    A< a OK …
    A> b UID REPLACE 3 INBOX {3+}
    A> new
    A< * OK [APPENDUID {v} 5] …
    A< * 2 EXPUNGE
    A< * 3 EXISTS
    A< * … RECENT
    A< b OK …
    A> c UID REPLACE 3 INBOX {3}
    A< c NO [NONEXISTENT] …
    A> d FETCH 1:* UID
    A< * 1 FETCH (UID 1)
    A< * 2 FETCH (UID 4)
    A< * 3 FETCH (UID 5)
    A< d OK …`,
  );
});
