import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { addAccount, addAddress } from '../../policy/accounts/account-changes.ts';
import '../../policy/accounts/test-hashing.ts';
import type { SortedMessages } from '../../policy/spam/junk-learner.ts';
import { openInMemory } from '../../store/sqlite/test-stores.ts';
import type { HandedIn } from '../desks.ts';
import type { OperationParts } from '../operation-parts.ts';
import { onlyFor } from './own-operation.ts';
import { askOwn, ownOperations } from './own-operations.ts';

const [ann, bob] = ['ann@example.org', 'bob@example.org'];
type Table = typeof ownOperations;
type Names = keyof Table;
const table = Object.entries(ownOperations);
const refused = (message: RegExp) => ({ name: 'OperationError', message });

async function opened() {
  const test = await openInMemory();
  const { accounts, folders, spool } = test.stores;
  for (const address of [ann, bob]) await addAccount(accounts, address, 'a password', test.clock);
  const handedIn: HandedIn[] = [];
  const sorted: SortedMessages[] = [];
  const submit = async (message: HandedIn) => {
    handedIn.push(message);
    return { id: 'Q1', messageId: '', accepted: [message.to ?? []].flat(), rejected: [] };
  };
  const parts = {
    ...{ accounts, folders, spool, clock: test.clock, dev: () => true },
    accountOf: async (address: string) => address,
    server: { submit, sorted: (messages: SortedMessages) => void sorted.push(messages) },
  } as unknown as OperationParts;
  const prove = async () => {};
  const own = <Name extends Names>(name: Name, given: object = {}) =>
    askOwn({ ...parts, account: ann, prove }, name, given) as ReturnType<Table[Name]['run']>;
  const receive = async (text: string) =>
    folders.deliver({
      ...{ account: ann, folder: 'INBOX', flags: [], received: test.clock.now() },
      content: { kind: 'inline', bytes: Buffer.from(text) },
      prefix: '',
    });
  const sent = (i: number) => Buffer.from(handedIn[i]!.raw!, 'base64').toString();
  return {
    ...{ parts, accounts, folders, handedIn, sorted, own, receive, sent },
    [Symbol.asyncDispose]: () => test[Symbol.asyncDispose](),
  };
}

describe('what owners of accounts can ask for', () => {
  it('knows which of them change nothing, and has no name for another account', async () => {
    const looks = table.filter(([, { changes }]) => !changes).map(([name]) => name);
    assert.deepEqual(looks.sort(), ['folders', 'mailRead', 'mailSearch', 'me', 'rules']);
    for (const [name, { input }] of table) {
      assert.ok(input instanceof z.ZodObject, name);
      for (const member of ['address', 'account', 'mailbox'])
        assert.ok(!(member in input.shape), `${name} ${member}`);
      const given = input.safeParse({ address: bob });
      assert.ok(
        given.error?.issues.some(({ code }) => code === 'unrecognized_keys'),
        name,
      );
    }
    await using test = await opened();
    await assert.rejects(test.own('toString' as Names), refused(/unknown request: toString/));
  });

  it('has parts that know one account, also in `dev`', async () => {
    await using test = await opened();
    const only = onlyFor(test.parts, ann);
    assert.deepEqual([await only.accountOf(ann), await only.accountOf(bob)], [ann, undefined]);
    assert.equal(only.dev(), false);
  });

  it('tells all addresses of it, its own first', async () => {
    await using test = await opened();
    for (const address of ['a@example.org', 'z@example.org'])
      await addAddress(test.accounts, ann, address);
    const { addresses } = await test.own('me');
    assert.deepEqual(addresses, [ann, 'a@example.org', 'z@example.org']);
  });

  it('has standard folders from the first look on, and again where one of them was deleted', async () => {
    await using test = await opened();
    const { own, folders, receive } = test;
    const paths = (await own('folders')).map(({ path }) => path);
    assert.ok(paths.includes('INBOX') && paths.includes('Trash'), paths.join());
    const { id } = await receive('Subject: x\r\n\r\n');
    await folders.remove(ann, 'Trash');
    assert.equal(await own('mailDelete', { ids: [id] }), 1);
    const at = async () => (await own('mailSearch')).messages.map(({ folder }) => folder);
    assert.deepEqual(await at(), ['Trash']);
    await folders.remove(ann, 'Archive');
    const { id: other } = await receive('Subject: y\r\n\r\n');
    assert.equal(await own('mailMove', { ids: [other], folder: 'Archive' }), 1);
    assert.deepEqual((await at()).sort(), ['Archive', 'Trash']);
    await assert.rejects(
      own('mailMove', { ids: [other], folder: 'Nowhere' }),
      refused(/no folder/),
    );
  });
});

it('what is moved into Junk and out of it is learnt from, as with any mail program; what is thrown away is not', async () => {
  await using test = await opened();
  const { own, receive, sorted, folders } = test;
  const { id } = await receive('Subject: x\r\n\r\n');
  for (const folder of ['Junk', 'INBOX', 'Archive', 'Junk'])
    await own('mailMove', { ids: [id], folder });
  await own('mailDelete', { ids: [id] });
  const junk = (await folders.find(ann, 'Junk'))!.id;
  const inbox = (await folders.find(ann, 'INBOX'))!.id;
  assert.deepEqual(
    sorted.map(({ account, folder, is }) => [account, folder, is]),
    [
      [ann, junk, 'spam'],
      [ann, inbox, 'ham'],
      [ann, junk, 'spam'],
    ],
  );
});

describe('sending from an account', () => {
  const mail = { subject: 'Hello', text: 'Hello' };

  it('is to a hundred people, each by a whole address', async () => {
    await using test = await opened();
    const to = (many: number) => Array.from({ length: many }, (_, i) => `p${i}@x.test`).join();
    const { accepted } = await test.own('send', { ...mail, to: to(99), cc: bob });
    assert.equal(accepted.length, 99);
    await assert.rejects(
      test.own('send', { ...mail, to: to(99), cc: bob, bcc: ann }),
      refused(/at most 100/),
    );
    for (const one of ['bob', `${bob}, <>`, '@example.org'])
      await assert.rejects(test.own('send', { ...mail, to: one }), refused(/not a whole address/));
    assert.equal(test.handedIn.length, 1);
  });

  it('has an id under the domain that it is from, and answers what has none', async () => {
    await using test = await opened();
    await addAddress(test.accounts, ann, 'ann@example.net');
    const { id: answers } = await test.receive('Subject: x\r\n\r\nx\r\n');
    await test.own('send', { ...mail, to: bob, from: 'Ann@Example.net', answers });
    assert.match(test.sent(0), /^Message-ID: <[^@]+@example\.net>/m);
    assert.doesNotMatch(test.sent(0), /^(?:In-Reply-To|References):/m);
    assert.equal((await test.own('mailRead', { id: answers })).answered, true);
  });

  it('keeps a large copy as a file, which others read in pieces', async () => {
    await using test = await opened();
    const content = Buffer.alloc(200_000, 'x').toString('base64');
    const file = { filename: 'x.bin', content };
    await test.own('send', { to: bob, subject: 'Hello', text: 'x', attachments: [file] });
    const sent = await test.folders.find(ann, 'Sent');
    const [copy] = await test.folders.open(sent!.id, [1]);
    assert.equal(copy!.bytes, undefined);
    assert.ok(copy!.size > 200_000);
  });

  it('keeps a copy, from the first message on, where there is a folder for it', async () => {
    await using test = await opened();
    const inSent = async () => (await test.own('mailSearch', { folder: 'Sent' })).all.total;
    await test.own('send', { ...mail, to: bob });
    assert.equal(await inSent(), 1);
    await test.folders.remove(ann, 'Sent');
    await test.folders.create(ann, 'Sent', undefined);
    await test.own('send', { ...mail, to: bob });
    assert.equal(test.handedIn.length, 2);
    assert.equal(await inSent(), 0, 'it may be about anything');
  });
});
