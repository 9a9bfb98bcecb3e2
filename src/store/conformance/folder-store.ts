// What every FolderStore must do. The implementations' own tests call this and add nothing to it.

import { describe } from 'node:test';
import { testAccountChanges } from './account-changes.ts';
import { testAppend } from './folder-append.ts';
import { testChanges, testWatching } from './folder-changes.ts';
import { testFolderContents } from './folder-contents.ts';
import { testCopies } from './folder-copies.ts';
import { testFolderDelivery } from './folder-delivery.ts';
import { testExpunge, testFlags } from './folder-flags.ts';
import { testFolderLists } from './folder-lists.ts';
import { testFolders, testRenaming } from './folder-names.ts';
import { testSharing } from './folder-sharing.ts';
import type { OpenTestStores } from './harness.ts';

export function testFolderStore(name: string, open: OpenTestStores): void {
  describe(`FolderStore: ${name}`, () => {
    describe('folders', () => testFolders(open));
    describe('renaming', () => testRenaming(open));
    describe('delivery, listings, POP3', () => testFolderDelivery(open));
    describe('append', () => testAppend(open));
    describe('flags', () => testFlags(open));
    describe('expunge', () => testExpunge(open));
    describe('copy and move', () => testCopies(open));
    describe('changes', () => testChanges(open));
    describe('an account’s changes', () => testAccountChanges(open));
    describe('watching', () => testWatching(open));
    describe('rights and annotations', () => testSharing(open));
    describe('what is derived', () => testFolderContents(open));
    describe('lists of many folders', () => testFolderLists(open));
  });
}
