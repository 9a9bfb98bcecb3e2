// Sessions of an account that was removed: what has its name later is not theirs.

import { describe } from 'node:test';
import type { FolderStore } from '../../store/folder-store.ts';
import { ann, bob, dialogue } from './test-dialogue.ts';

describe('an account that was removed', () => {
  let store: Pick<FolderStore, 'find'>;
  dialogue(
    `RFC 9051 §7.1.5: who is logged in to it is told so, and has nothing of whoever has the address next
    A! SETACL INBOX ${bob} lrw
    C! SELECT INBOX
    C> c IDLE
    C< + …
    D! NOOP
    E! NOTIFY SET (personal (MessageNew MessageExpunge))
    B! SELECT "Other Users/${ann}/INBOX"
    B! CREATE Renewed
    A> a SELECT INBOX
    A< * BYE The account has been removed
    A< a NO [NOPERM] The account has been removed
    D> d APPEND INBOX {3}
    D< * BYE The account has been removed
    D< d NO [NOPERM] The account has been removed
    B! STORE 1 +FLAGS.SILENT (x)
    C< * BYE The account has been removed
    E< * BYE The account has been removed`,
    {
      accounts: { B: bob },
      prepare: async (folders) => {
        store = folders;
      },
      createdOf: async (account) =>
        account === ann && (await store.find(bob, 'Renewed')) !== undefined ? 2 : 1,
    },
  );
});
