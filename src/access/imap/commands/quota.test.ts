import { describe } from 'node:test';
import { ann, bob, dialogue } from '../test-dialogue.ts';

describe('QUOTA', () => {
  dialogue(
    `RFC 9208 §4.1: what an account may keep, to itself alone
    A> a GETQUOTAROOT inbox
    A< * QUOTAROOT "INBOX" "${ann}"
    A< * QUOTA "${ann}" (STORAGE 1 10)
    A< a OK …
    A> b GETQUOTA ${bob}
    A< b NO …
    A> c GETQUOTAROOT "Other Users/${bob}/Team"
    A< * QUOTAROOT "Other Users/${bob}/Team"
    A< c OK …
    A> d GETQUOTAROOT "Other Users/${bob}/INBOX"
    A< d NO …
    A> e SETQUOTA ${ann} (STORAGE 512)
    A< e NO [NOPERM] …`,
    {
      quotaBytes: 10_240,
      prepare: async (store) => {
        const team = await store.create(bob, 'Team', undefined);
        await store.setAcl(team.id, ann, 'lr');
      },
    },
  );
  dialogue(
    `RFC 9208 §4.1.2: without limits there is no quota root
    A> a GETQUOTAROOT INBOX
    A< * QUOTAROOT "INBOX"
    A< a OK …`,
  );
});
