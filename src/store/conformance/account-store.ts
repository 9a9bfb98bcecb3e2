// What every AccountStore must do. The implementations' own tests call this and add nothing to it.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Credential } from '../account-store.ts';
import type { OpenTestStores } from './harness.ts';

const ann = 'ann@example.org';
const bob = 'bob@example.org';

const credential = (name: string, changes: Partial<Credential> = {}): Credential => ({
  name,
  argon2: '$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA',
  scram: {
    iterations: 4096,
    salt: Uint8Array.of(1, 2, 3),
    storedKey: Uint8Array.of(4, 5),
    serverKey: Uint8Array.of(6, 7, 0),
  },
  created: 77,
  ...changes,
});

export function testAccountStore(name: string, open: OpenTestStores): void {
  describe(`AccountStore: ${name}`, () => {
    it('an address belongs to one account, however many ask for it at once', async () => {
      await using test = await open();
      const { accounts } = test.stores;
      const added = await Promise.all([
        accounts.add(ann, undefined, 5),
        accounts.add(ann, undefined, 6),
      ]);
      // Who comes first on connections of their own is nobody's to say.
      assert.deepEqual(added.toSorted(), [false, true]);
      const created = added[0] ? 5 : 6;
      assert.deepEqual(await accounts.find(ann), { address: ann, addresses: [ann], created });
      assert.equal(await accounts.find(bob), undefined);
      assert.equal(await accounts.find('__proto__'), undefined);
      assert.equal((await accounts.list()).length, 1);
    });

    it('finds an account by all of its addresses', async () => {
      await using test = await open();
      const { accounts } = test.stores;
      await accounts.add(ann, undefined, 5);
      await accounts.add(bob, undefined, 5);
      assert.equal(await accounts.addAddress(ann, 'info@example.org'), true);
      assert.equal(await accounts.addAddress(bob, 'info@example.org'), false, 'taken');
      assert.equal(await accounts.addAddress('nobody@example.org', 'x@example.org'), false);
      assert.equal(await accounts.add('info@example.org', undefined, 5), false, 'taken');
      assert.equal((await accounts.find('info@example.org'))?.address, ann);
      assert.deepEqual((await accounts.find(ann))?.addresses, [ann, 'info@example.org']);
      assert.equal(await accounts.removeAddress(bob, 'info@example.org'), false, 'not bob’s');
      assert.equal(await accounts.removeAddress(ann, ann), false, 'the primary one stays');
      assert.equal(await accounts.removeAddress(ann, 'info@example.org'), true);
      assert.equal(await accounts.find('info@example.org'), undefined);
    });

    it('keeps credentials by name, replaces and revokes them one by one', async () => {
      await using test = await open();
      const { accounts } = test.stores;
      await accounts.add(ann, credential(''), 5);
      await accounts.putCredential(ann, credential('phone'));
      await accounts.putCredential(ann, credential('', { argon2: 'new', created: 78 }));
      assert.deepEqual(plain(await accounts.credentials(ann)), [
        plain([credential('', { argon2: 'new', created: 78 })])[0],
        plain([credential('phone')])[0],
      ]);
      assert.equal(await accounts.removeCredential(ann, 'tablet'), false);
      assert.equal(await accounts.removeCredential(ann, 'phone'), true);
      assert.equal((await accounts.credentials(ann)).length, 1);
      await accounts.putCredential(ann, credential('', { argon2: 'newer' }));
      assert.deepEqual(
        (await accounts.credentials(ann)).map(({ argon2 }) => argon2),
        ['newer'],
      );
      assert.equal(await accounts.putCredential(bob, credential('')), false);
      assert.deepEqual(await accounts.credentials(bob), []);
    });

    it('nothing of a removed account is left', async () => {
      await using test = await open();
      const { accounts } = test.stores;
      await accounts.add(ann, credential(''), 5);
      await accounts.addAddress(ann, 'info@example.org');
      assert.equal((await accounts.credentials(ann)).length, 1);
      assert.equal(await accounts.remove('info@example.org'), false, 'by its primary address only');
      assert.equal(await accounts.remove(ann), true);
      assert.equal(await accounts.remove(ann), false);
      assert.equal(await accounts.find('info@example.org'), undefined);
      assert.equal(await accounts.add('info@example.org', undefined, 6), true);
      assert.deepEqual(await accounts.credentials('info@example.org'), []);
      assert.deepEqual(await accounts.credentials(ann), []);
    });

    it('what others have shared with a removed account is not shared with the next of that name', async () => {
      await using test = await open();
      const { accounts, folders } = test.stores;
      for (const address of [ann, bob]) {
        await accounts.add(address, credential(''), 5);
        await folders.ensure(address);
      }
      const inbox = (await folders.find(bob, 'INBOX'))!.id;
      await folders.setAcl(inbox, ann, 'lrs');
      await folders.setAcl(inbox, `-${ann}`, 's');
      await folders.setAcl(inbox, 'anyone', 'l');
      assert.equal(await accounts.remove(ann), true);
      assert.equal(await accounts.add(ann, credential(''), 6), true);
      assert.deepEqual(await folders.sharedWith([ann]), []);
      assert.deepEqual([...(await folders.acl(inbox))], [['anyone', 'l']]);
    });

    it('has one secret, whoever asks first, and keeps it over a restart', async () => {
      await using test = await open();
      const [one, other] = await Promise.all([
        test.stores.accounts.secret(),
        test.stores.accounts.secret(),
      ]);
      assert.equal(one.length, 32);
      assert.deepEqual([...other], [...one]);
      await test.restart();
      assert.deepEqual([...(await test.stores.accounts.secret())], [...one]);
      await using another = await open();
      assert.notDeepEqual([...(await another.stores.accounts.secret())], [...one]);
    });

    it('is there after a restart', async () => {
      await using test = await open();
      await test.stores.accounts.add(ann, credential(''), 5);
      await test.restart();
      assert.equal((await test.stores.accounts.find(ann))?.created, 5);
      assert.equal((await test.stores.accounts.credentials(ann)).length, 1);
    });
  });
}

/** Buffers and other arrays of octets count as equal. */
const plain = (credentials: readonly Credential[]) =>
  credentials.map(({ scram, ...rest }) => ({
    ...rest,
    iterations: scram.iterations,
    keys: [scram.salt, scram.storedKey, scram.serverKey].map((bytes) => [...bytes]),
  }));
