// What every FolderStore must do with rights and annotations. A part of its conformance suite.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { MailboxLimitError, NoSuchFolderError } from '../folder-errors.ts';
import { aclEntriesMax } from '../folders/folder-limits.ts';
import { ann, bob, folderId, inboxOf } from './folder-harness.ts';
import type { OpenTestStores } from './harness.ts';

export function testSharing(open: OpenTestStores): void {
  it('RFC 4314: rights by identifier; what is shared with somebody is found', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test);
    const sent = await folderId(folders, 'Sent');
    await folders.setAcl(inbox, bob, 'lrs');
    await folders.setAcl(inbox, `-${bob}`, 's');
    await folders.setAcl(sent, 'anyone', 'lr');
    await folders.setAcl(sent, bob, 'l');
    await folders.setAcl(sent, bob, '');
    assert.deepEqual(
      [...(await folders.acl(inbox))],
      [
        [`-${bob}`, 's'],
        [bob, 'lrs'],
      ],
    );
    const shared = async (...identifiers: string[]) =>
      (await folders.sharedWith(identifiers)).map(({ path }) => path);
    assert.deepEqual(await shared(bob, 'anyone'), ['INBOX', 'Sent']);
    assert.deepEqual(await shared(bob), ['INBOX']);
    assert.deepEqual(await shared(ann, 'anyone'), [], 'not one’s own');
    assert.deepEqual(await shared(), []);
    await assert.rejects(folders.setAcl(99_999, bob, 'l'), NoSuchFolderError);
    // RFC 4314 §4: a new folder has the list of the one above it, one made along with it too.
    const { id } = await folders.create(ann, 'INBOX/a/b', undefined);
    const between = await folders.find(ann, 'INBOX/a');
    for (const made of [id, between!.id])
      assert.deepEqual([...(await folders.acl(made))], [...(await folders.acl(inbox))]);
    await folders.remove(ann, 'Sent');
    assert.deepEqual(await shared('anyone'), []);
  });

  it('RFC 4314 §3.1: rights that several add and take at once are all added and taken; a list has an end', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test);
    await folders.setAcl(inbox, bob, 'lx');
    await Promise.all([
      ...[...'arswk'].map((right) => folders.setAcl(inbox, bob, right, '+')),
      folders.setAcl(inbox, bob, 'x', '-'),
    ]);
    assert.deepEqual([...(await folders.acl(inbox))], [[bob, 'lrswka']]);
    await folders.setAcl(inbox, bob, 'lrswka', '-');
    await folders.setAcl(inbox, bob, 'l', '-');
    assert.equal((await folders.acl(inbox)).size, 0);
    const many = Array.from({ length: aclEntriesMax }, (_, i) => `u${i}@example.org`);
    await Promise.all(many.map((identifier) => folders.setAcl(inbox, identifier, 'l')));
    await assert.rejects(folders.setAcl(inbox, bob, 'l'), MailboxLimitError);
    await folders.setAcl(inbox, many[0]!, 'r', '+');
    await folders.setAcl(inbox, bob, 'l', '-');
    assert.equal((await folders.acl(inbox)).size, aclEntriesMax);
  });

  it('RFC 5464: annotations of folders and accounts, within limits', async () => {
    await using test = await open();
    const { folders } = test.stores;
    const inbox = await inboxOf(test);
    const comment = Uint8Array.of(0, 255, 10);
    await folders.annotate(ann, inbox, new Map([['/private/comment', comment]]));
    await folders.annotate(
      ...([
        ann,
        undefined,
        new Map([
          ['/shared/a', comment],
          ['/shared/b', comment],
        ]),
      ] as const),
    );
    await folders.annotate(ann, undefined, new Map([['/shared/a', undefined]]));
    assert.deepEqual([...(await folders.annotations(ann, inbox))], [['/private/comment', comment]]);
    assert.deepEqual([...(await folders.annotations(ann, undefined)).keys()], ['/shared/b']);
    const large = new Map([
      ['/private/x', Buffer.from('x')],
      ['/private/large', Buffer.alloc(2_000_000)],
    ]);
    await assert.rejects(folders.annotate(ann, inbox, large), MailboxLimitError);
    const many = new Map(
      Array.from({ length: 5000 }, (_, i) => [`/private/${i}`, Buffer.from('x')] as const),
    );
    await assert.rejects(folders.annotate(ann, inbox, many), MailboxLimitError);
    assert.equal((await folders.annotations(ann, inbox)).size, 1, 'all of it or nothing');
  });
}
