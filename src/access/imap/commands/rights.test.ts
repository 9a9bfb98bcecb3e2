import { describe } from 'node:test';
import { ann, bob, dialogue } from '../test-dialogue.ts';

describe('mailboxes of others, and names that are taken', () => {
  dialogue(
    `RFC 4314 §4, RFC 6154 §5.3: who may make mailboxes below another's INBOX does not move it, nor say what they are for
    A! SETACL INBOX ${bob} lrxk
    B> a RENAME "Other Users/${ann}/INBOX" "Other Users/${ann}/INBOX/Stolen"
    B< a NO [NOPERM] …
    B! DELETE Archive
    B> b CREATE "Other Users/${ann}/INBOX/Sorted" (USE (\\Archive))
    B< b NO [USEATTR] …
    B! CREATE "Other Users/${ann}/INBOX/Sorted"
    B> c RENAME "Other Users/${ann}/INBOX/Sorted" Mine
    B< c NO [CANNOT] …
    B> d RENAME "Other Users/${ann}/INBOX/Sorted" "Other Users/${ann}/Elsewhere"
    B< d NO [NOPERM] …
    B> e DELETE "Other Users/${ann}/INBOX"
    B< e NO [CANNOT] …
    A> f LIST "" INBOX*
    A< * LIST (\\HasChildren) "/" "INBOX"
    A< * LIST (\\HasNoChildren) "/" "INBOX/Sorted"
    A< f OK …`,
    { accounts: { B: bob } },
  );
  dialogue(
    `RFC 9051 §6.3.6, RFC 6154 §5.3: names that are taken, and uses that nobody can have
    A> a RENAME Sent Sent
    A< a NO [ALREADYEXISTS] …
    A> b RENAME Sent inbox
    A< b NO [ALREADYEXISTS] …
    A> c RENAME INBOX INBOX
    A< c NO [ALREADYEXISTS] …
    A> d CREATE x (USE (\\All))
    A< d NO [USEATTR] No mailbox can be made for that
    A! DELETE Archive
    A> e CREATE x (USE (\\Archive \\Junk))
    A< e NO [USEATTR] …
    A> f LIST "" x
    A< f OK …`,
  );
});
