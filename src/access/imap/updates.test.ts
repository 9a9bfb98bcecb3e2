import { describe } from 'node:test';
import { ann, dialogue, fill } from './test-dialogue.ts';

describe('updates', () => {
  dialogue(
    `RFC 2177 §3: an idle session is told at once
    A! SELECT INBOX
    A> a IDLE
    A< + …
    B! SELECT INBOX
    B! STORE 2 +FLAGS.SILENT (\\Seen)
    A< * 2 FETCH (FLAGS (\\Seen))
    B! STORE 2 +FLAGS.SILENT (\\Deleted)
    A< * 2 FETCH (FLAGS (\\Seen \\Deleted))
    B! EXPUNGE
    A< * 2 EXPUNGE
    B! COPY 1 INBOX
    A< * 4 EXISTS
    A< * … RECENT
    A> DONE
    A< a OK …
    B! STORE 1 +FLAGS.SILENT (\\Deleted)
    B! EXPUNGE`,
  );
  dialogue(
    `RFC 9051 §7.5.1: nothing is expunged while numbers are in use, and new messages are told meanwhile
    A! SELECT INBOX
    B! SELECT INBOX
    B! STORE 1 +FLAGS.SILENT (\\Deleted)
    B! EXPUNGE
    B! COPY 1 INBOX
    A> a SEARCH ALL
    A< * SEARCH 2 3 4
    A< * 5 EXISTS
    A< * … RECENT
    A< a OK …
    A> b FETCH 4 UID
    A< * 4 FETCH (UID 4)
    A< b OK …
    A> c STORE 5 +FLAGS (\\Seen)
    A< * 5 FETCH (FLAGS (\\Seen))
    A< c OK …
    A> d NOOP
    A< * 1 EXPUNGE
    A< d OK …
    A> e FETCH 4 UID
    A< * 4 FETCH (UID 5)
    A< e OK …`,
  );
  for (const [when, wait] of [
    ['in IDLE', 'A> a IDLE\n    A< + …\n'],
    ['between commands', ''],
  ])
    dialogue(
      `RFC 2180 §3.3: whose mailbox is deleted by another is told BYE, ${when}
    B! CREATE Folder
    A! SELECT Folder
    ${wait}B! DELETE Folder
    A< * BYE The selected mailbox has been deleted
    B! NOOP`,
    );
  dialogue(
    `who deletes the mailbox that is selected has none selected any more
    A! CREATE Folder
    A! SELECT Folder
    A! DELETE Folder
    A> a FETCH 1 FLAGS
    A< a BAD …
    A! SELECT INBOX`,
  );
  dialogue(
    `RFC 7162 §3.2.5: a client that comes back is told what vanished and what changed
    A> a ENABLE QRESYNC
    A< * ENABLED QRESYNC
    A< a OK …
    B! SELECT INBOX
    B! STORE 2 +FLAGS.SILENT (\\Deleted)
    B! STORE 4 +FLAGS.SILENT (\\Flagged)
    B! EXPUNGE
    B! COPY 1 INBOX
    A> b SELECT INBOX (QRESYNC ({v} 5))
    A< * FLAGS …
    A< * 4 EXISTS
    A< * 0 RECENT
    A< * OK [UNSEEN 1] …
    A< * OK [PERMANENTFLAGS …] …
    A< * OK [UIDVALIDITY {v}] …
    A< * OK [UIDNEXT 6] …
    A< * OK [HIGHESTMODSEQ 9] …
    A< * OK [MAILBOXID …] …
    A< * OK [URLMECH INTERNAL] …
    A< * VANISHED (EARLIER) 2
    A< * 3 FETCH (UID 4 FLAGS (\\Flagged) MODSEQ (7))
    A< * 4 FETCH (UID 5 FLAGS () MODSEQ (9))
    A< b OK [READ-WRITE] …
    A> c UID FETCH 1:3 (FLAGS) (CHANGEDSINCE 5 VANISHED)
    A< * VANISHED (EARLIER) 2
    A< c OK …
    B! STORE 1 +FLAGS.SILENT (\\Deleted)
    B! EXPUNGE
    A> d NOOP
    A< * VANISHED 1
    A< d OK …`,
  );
});

describe('NOTIFY', () => {
  dialogue(
    `RFC 5465 §3.1: unknown events are refused with those that are known
    A> a NOTIFY SET (personal (MessageNew MessageExpunge AnnotationChange FlagChange))
    A< a NO [BADEVENT (MessageNew MessageExpunge FlagChange …)] …
    A> b NOTIFY NONE
    A< b OK …`,
  );
  dialogue(
    `RFC 5465 §5.2 and §5.3: SELECTED is told while no command is executed, with what was asked for
    A! SELECT INBOX
    A> a NOTIFY SET (selected (MessageNew (FLAGS BODY.PEEK[HEADER.FIELDS (Subject)]) MessageExpunge FlagChange))
    A< a OK …
    B! SELECT INBOX
    B! COPY 1 INBOX
    A< * 5 EXISTS
    A< * … RECENT
    A< * 5 FETCH (UID 5 FLAGS (\\Recent) BODY[HEADER.FIELDS (Subject)] {19}
    A< Subject: mail 1
    A<
    A< )
    B! STORE 1 +FLAGS.SILENT (\\Deleted)
    A< * 1 FETCH (UID 1 FLAGS (\\Deleted))
    B! EXPUNGE
    A< * 1 EXPUNGE`,
  );
  for (const [title, command] of [
    ['NOTIFY NONE', 'NONE'],
    ['without SELECTED', 'SET (personal (MessageNew MessageExpunge FlagChange))'],
    ['SELECTED NONE', 'SET (selected NONE)'],
  ] as const)
    dialogue(
      `RFC 5465 §3.1, §5: ${title}: nothing of the selected mailbox, also not in answers of commands
      A! SELECT INBOX
      A> a NOTIFY ${command}
      A< a OK …
      B! SELECT INBOX
      B! COPY 1 INBOX
      B! STORE 1 +FLAGS.SILENT (\\Flagged)
      B! STORE 2 +FLAGS.SILENT (\\Deleted)
      B! EXPUNGE
      A> b NOOP
      A< b OK …
      A> c UID FETCH 1:* UID
      A< * 1 FETCH (UID 1)
      A< * 3 FETCH (UID 3)
      A< * 4 FETCH (UID 4)
      A< c OK …
      A> d NOTIFY SET (selected NONE)
      A< * 2 EXPUNGE
      A< * 4 EXISTS
      A< * … RECENT
      A< * 1 FETCH (UID 1 FLAGS (\\Flagged…))
      A< d OK …
      B! STORE 1 +FLAGS.SILENT (\\Answered)
      A> e NOOP
      A< e OK …`,
    );
  dialogue(
    `RFC 5465 §5: what the client does itself is answered as ever, after NOTIFY NONE, too
    A! SELECT INBOX
    A> a NOTIFY NONE
    A< a OK …
    A> b COPY 1 INBOX
    A< * 5 EXISTS
    A< * … RECENT
    A< b OK [COPYUID …
    A> c APPEND INBOX {1+}
    A> x
    A< * 6 EXISTS
    A< * … RECENT
    A< c OK [APPENDUID …
    A> d STORE 1,6 +FLAGS (\\Deleted)
    A< * 1 FETCH (FLAGS (\\Deleted…))
    A< * 6 FETCH (FLAGS (\\Recent \\Deleted))
    A< d OK …
    A> e UID EXPUNGE 6
    A< * 6 EXPUNGE
    A< * 1 RECENT
    A< e OK …
    A> f EXPUNGE
    A< * 1 EXPUNGE
    A< f OK …
    A> g MOVE 1 Archive
    A< * OK [COPYUID …
    A< * 1 EXPUNGE
    A< g OK …
    A> h UID REPLACE 3 Drafts {1+}
    A> x
    A< * OK [APPENDUID …
    A< * 1 EXPUNGE
    A< h OK …`,
  );
  dialogue(
    `RFC 5465 §5, §3.1: without FlagChange no flags are told; with it those that changed meanwhile are
    A! SELECT INBOX
    A> a NOTIFY SET (selected (MessageNew MessageExpunge))
    A< a OK …
    B! SELECT INBOX
    B! STORE 1 +FLAGS.SILENT (\\Flagged)
    A> b NOOP
    A< b OK …
    B! COPY 1 INBOX
    A< * 5 EXISTS
    A< * … RECENT
    A> c NOOP
    A< c OK …
    A> d NOTIFY SET (selected (MessageNew MessageExpunge FlagChange))
    A< * 1 FETCH (UID 1 FLAGS (\\Flagged…))
    A< d OK …
    A> e NOOP
    A< e OK …`,
  );
  dialogue(
    `RFC 5465 §6.1.2: SELECTED-DELAYED keeps expunges for a command that allows them
    A! SELECT INBOX
    A> a NOTIFY SET (selected-delayed (MessageNew MessageExpunge))
    A< a OK …
    B! SELECT INBOX
    B! STORE 1 +FLAGS.SILENT (\\Deleted)
    B! EXPUNGE
    B! COPY 1 INBOX
    A< * 5 EXISTS
    A< * … RECENT
    A> b NOOP
    A< * 1 EXPUNGE
    A< b OK …`,
  );
  dialogue(
    `RFC 5465 §5: other mailboxes are told of by STATUS, LIST and METADATA
    A! CREATE Lists/One
    A> a NOTIFY SET STATUS (subtree Lists (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange))
    A< * STATUS "Lists" (MESSAGES 0 …)
    A< * STATUS "Lists/One" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY … UNSEEN 0 HIGHESTMODSEQ 1)
    A< a OK …
    B! SELECT INBOX
    B! COPY 1 Lists/One
    A< * STATUS "Lists/One" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY … UNSEEN 1)
    B! SELECT Lists/One
    B! STORE 1 +FLAGS (\\Seen)
    A< * STATUS "Lists/One" (UIDVALIDITY … UNSEEN 0)
    B! CREATE Lists/Two
    A< * LIST (\\HasNoChildren) "/" "Lists/Two"
    A< * LIST (\\HasChildren) "/" "Lists"
    B! RENAME Lists/Two Lists/Three
    A< * LIST (\\HasNoChildren) "/" "Lists/Three" ("OLDNAME" ("Lists/Two"))
    B! SUBSCRIBE Lists/Three
    A< * LIST (\\HasNoChildren \\Subscribed) "/" "Lists/Three"
    B! SETMETADATA Lists/Three (/private/comment "x")
    A< * METADATA "Lists/Three" /private/comment
    B! DELETE Lists/Three
    A< * LIST (\\NonExistent) "/" "Lists/Three"
    A< * LIST (\\HasChildren) "/" "Lists"
    B! DELETE Lists/One
    A< * LIST (\\NonExistent) "/" "Lists/One"
    A< * LIST (\\HasNoChildren) "/" "Lists"
    B! CREATE Lists/One
    A< * LIST (\\HasNoChildren) "/" "Lists/One"
    A< * LIST (\\HasChildren) "/" "Lists"
    B! CREATE Elsewhere
    A> b NOTIFY NONE
    A< b OK …
    B! CREATE Lists/Four`,
  );
  dialogue(
    `RFC 5465 §3.1: the first STATUS has HIGHESTMODSEQ with FlagChange, and once CONDSTORE is on
    A> a NOTIFY SET STATUS (mailboxes Sent (MessageNew MessageExpunge))
    A< * STATUS "Sent" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY …)
    A< a OK …
    A> b NOTIFY SET STATUS (mailboxes Sent (MessageNew MessageExpunge FlagChange))
    A< * STATUS "Sent" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY … UNSEEN 0 HIGHESTMODSEQ 1)
    A< b OK …
    A! ENABLE CONDSTORE
    A> c NOTIFY SET STATUS (mailboxes Sent (MessageNew MessageExpunge))
    A< * STATUS "Sent" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY … HIGHESTMODSEQ 1)
    A< c OK …`,
  );
  dialogue(
    `RFC 5465 §5: nor of INBOX and the mailbox it gives its messages to; but of what came meanwhile
    A> a NOTIFY SET (personal (MessageNew MessageExpunge FlagChange MailboxName))
    A< a OK …
    A> b RENAME INBOX Old
    A< b OK …
    A> c NOOP
    A< c OK …
    B> x APPEND INBOX {4+}
    B> a: b
    B< x OK …
    A< * STATUS "INBOX" (MESSAGES 1 UIDNEXT 6 UIDVALIDITY … UNSEEN 1)
    B! RENAME INBOX Older
    A< * LIST (\\HasNoChildren) "/" "Older"
    A< * STATUS "INBOX" (MESSAGES 0 UIDNEXT 6 UIDVALIDITY … UNSEEN 0)`,
  );
  dialogue(
    `RFC 5465 §5: who did it is not told of it, but of what others did
    A! CREATE Lists/One
    A! SELECT INBOX
    A! STORE 1 +FLAGS (\\Seen)
    A> a NOTIFY SET (selected (MessageNew (FLAGS) MessageExpunge FlagChange)) (subtree Lists (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange))
    A< a OK …
    A> b CREATE Lists/Two
    A< b OK …
    A> c RENAME Lists/Two Lists/Three
    A< c OK …
    A> d SUBSCRIBE Lists/Three
    A< d OK …
    A> o UNSUBSCRIBE Lists/Three
    A< o OK …
    A> p SUBSCRIBE Lists/Three
    A< p OK …
    A> e SETMETADATA Lists/Three (/private/comment "x")
    A< e OK …
    A> f COPY 1:2 Lists/Three
    A< f OK [COPYUID … 1:2 1:2] …
    B! NOOP
    B! SELECT Lists/Three
    A> g MOVE 2 Lists/One
    A< * OK [COPYUID … 2 1] …
    A< * 2 EXPUNGE
    A< g OK …
    A> h APPEND Lists/One (\\Seen) {4+}
    A> a: b
    A< h OK [APPENDUID … 2] …
    A> i COPY 1 INBOX
    A< * 4 EXISTS
    A< * … RECENT
    A< i OK …
    B! STORE 2 +FLAGS (\\Seen)
    A< * STATUS "Lists/Three" (UIDVALIDITY … UNSEEN 0)
    B! COPY 1 INBOX
    A< * 5 EXISTS
    A< * … RECENT
    A< * 5 FETCH (UID 6 FLAGS (\\Recent \\Seen))
    B! UNSUBSCRIBE Lists/Three
    A< * LIST (\\HasNoChildren) "/" "Lists/Three"
    A> j UNSUBSCRIBE Lists/Three
    A< j OK …
    B! COPY 1 Lists/One
    A< * STATUS "Lists/One" (MESSAGES 3 UIDNEXT 4 UIDVALIDITY … UNSEEN 1)
    B! SELECT INBOX
    A> k DELETE Lists/Three
    A< k OK …
    A! SELECT Lists/One
    A> m STORE 1 +FLAGS.SILENT (\\Deleted)
    A< m OK …
    A> n CLOSE
    A< n OK …
    B! SELECT Lists/One
    B! STORE 1 -FLAGS.SILENT (\\Seen)
    A< * STATUS "Lists/One" (UIDVALIDITY … UNSEEN 1)
    B! SELECT INBOX
    B! CREATE Lists/Four
    A< * LIST (\\HasNoChildren) "/" "Lists/Four"
    A< * LIST (\\HasChildren) "/" "Lists"
    A> l DELETE Lists/Four
    A< l OK …
    B! CREATE Lists/Five
    A< * LIST (\\HasNoChildren) "/" "Lists/Five"
    A< * LIST (\\HasChildren) "/" "Lists"`,
  );
  dialogue(
    `RFC 5465 §3.1 and §4: without SELECTED nothing is told of the selected mailbox, also not in IDLE
    A! SELECT INBOX
    A> a NOTIFY SET (mailboxes Archive (MessageNew MessageExpunge))
    A< a OK …
    B! SELECT INBOX
    B! COPY 1 INBOX
    A> b IDLE
    A< + …
    B! COPY 1 Archive
    A< * STATUS "Archive" (MESSAGES 1 …)
    A> DONE
    A< b OK …
    A> c NOOP
    A< c OK …`,
    {
      prepare: async (store) => {
        const archive = (await store.find(ann, 'Archive'))!;
        await fill(store, archive.id, []);
      },
    },
  );
});
