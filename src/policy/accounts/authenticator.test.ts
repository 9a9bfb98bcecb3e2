import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { chooseSaslClient } from '../../sasl/client.ts';
import type { SaslStep } from '../../sasl/mechanism.ts';
import { createSaslServer } from '../../sasl/server.ts';
import type { AccountStore } from '../../store/account-store.ts';
import {
  AccountError,
  addAccount,
  addAddress,
  addAppPassword,
  changePassword,
  generatePassword,
  removeAccount,
  removeAddress,
  removeAppPassword,
} from './account-changes.ts';
import { createAuthenticator, createDevAuthenticator } from './authenticator.ts';
import { MemoryAccountStore } from './memory-account-store.ts';
import { HashingBusy, verifyPassword } from './passwords.ts';
import './test-hashing.ts';

const clock = new FakeClock();
const cheapHash =
  '$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';

async function setUp() {
  const accounts = new MemoryAccountStore();
  await addAccount(accounts, 'Ann@Bücher.example', 'correct horse', clock);
  await addAddress(accounts, 'ann@bücher.example', 'ann.smith@example.org');
  return { accounts, authenticator: createAuthenticator({ accounts, clock }) };
}
const ann = 'ann@xn--bcher-kva.example';

async function scram(
  authenticator: ReturnType<typeof createAuthenticator>,
  user: string,
  password: string,
): Promise<SaslStep> {
  const client = chooseSaslClient(['SCRAM-SHA-256'], { user, password }, undefined)!;
  const server = createSaslServer('SCRAM-SHA-256', { authenticator, tls: undefined })!;
  const first = await server.step(client.initial());
  assert.equal(first.kind, 'challenge');
  const last = await server.step(
    client.respond(first.kind === 'challenge' ? first.bytes : Buffer.of()),
  );
  if (last.kind === 'success') client.respond(last.final!);
  return last;
}

describe('authenticator', () => {
  it('any address of an account is its user name, however it is written', async () => {
    const { authenticator } = await setUp();
    for (const user of [ann, 'ANN@bücher.example', 'Ann@BÜCHER.EXAMPLE', 'ann.smith@example.org'])
      assert.equal(await authenticator.verifyPassword(user, 'correct horse'), ann);
    for (const user of ['ann', 'bob@example.org', '', 'ann@', '\0', 'ann@example.org'])
      assert.equal(await authenticator.verifyPassword(user, 'correct horse'), undefined);
    for (const password of ['', 'wrong', 'correct horse ', 'correct\0horse'])
      assert.equal(await authenticator.verifyPassword(ann, password), undefined);
  });

  it('RFC 4013: a password is the same from every keyboard', async () => {
    const { accounts, authenticator } = await setUp();
    await changePassword(accounts, ann, 'pass\u00a0wörd ', clock);
    assert.equal(await authenticator.verifyPassword(ann, 'pass wo\u0308rd '), ann);
  });

  it('app passwords log in by PLAIN and by SCRAM, and are revoked one by one', async () => {
    const { accounts, authenticator } = await setUp();
    const phone = await addAppPassword(accounts, ann, 'phone', clock);
    const laptop = await addAppPassword(accounts, ann, 'laptop', clock);
    for (const password of ['correct horse', phone, laptop]) {
      assert.equal(await authenticator.verifyPassword(ann, password), ann);
      assert.equal((await scram(authenticator, 'ann.smith@example.org', password)).kind, 'success');
    }
    assert.deepEqual(
      (await accounts.credentials(ann)).map(({ name }) => name),
      ['', 'phone', 'laptop'],
    );
    await removeAppPassword(accounts, ann, 'phone');
    assert.equal(await authenticator.verifyPassword(ann, phone), undefined);
    assert.equal((await scram(authenticator, ann, phone)).kind, 'failure');
    assert.equal(await authenticator.verifyPassword(ann, laptop), ann);
  });

  it('a changed password holds at once, whatever was remembered; app passwords stay', async () => {
    const { accounts, authenticator } = await setUp();
    const phone = await addAppPassword(accounts, ann, 'phone', clock);
    assert.equal(await authenticator.verifyPassword(ann, 'correct horse'), ann);
    await changePassword(accounts, ann, 'battery staple', clock);
    assert.equal(await authenticator.verifyPassword(ann, 'correct horse'), undefined);
    assert.equal((await scram(authenticator, ann, 'correct horse')).kind, 'failure');
    assert.equal((await scram(authenticator, ann, 'battery staple')).kind, 'success');
    assert.equal((await scram(authenticator, ann, phone)).kind, 'success');
  });

  it('removed addresses and accounts do not log in', async () => {
    const { accounts, authenticator } = await setUp();
    assert.equal(await authenticator.verifyPassword('ann.smith@example.org', 'correct horse'), ann);
    await removeAddress(accounts, ann, 'ann.smith@example.org');
    assert.equal(
      await authenticator.verifyPassword('ann.smith@example.org', 'correct horse'),
      undefined,
    );
    await removeAccount(accounts, ann);
    assert.equal(await authenticator.verifyPassword(ann, 'correct horse'), undefined);
  });

  it('remembers a good login for a while, so that it costs no second hash', async () => {
    const { authenticator } = await setUp();
    assert.equal(await authenticator.verifyPassword(ann, 'correct horse'), ann);
    // While so many hash that others are turned away, this one needs none.
    const crowd = Array.from({ length: 202 }, () => verifyPassword(cheapHash, 'x'));
    await assert.rejects(authenticator.verifyPassword(ann, 'another'), HashingBusy);
    assert.equal(await authenticator.verifyPassword(ann, 'correct horse'), ann);
    await Promise.all(crowd);
    await clock.advance(5 * 60_000);
    const later = Array.from({ length: 202 }, () => verifyPassword(cheapHash, 'x'));
    await assert.rejects(authenticator.verifyPassword(ann, 'correct horse'), HashingBusy);
    await Promise.all(later);
  });

  it('who logs in many times at once is compared once, right or wrong, known or not', async () => {
    const { authenticator } = await setUp();
    const many = (user: string, password: string) =>
      Promise.all(Array.from({ length: 500 }, () => authenticator.verifyPassword(user, password)));
    const [right, wrong, nobody] = await Promise.all([
      many('ann@bücher.example', 'correct horse'),
      many(ann, 'wrong'),
      many('nobody@example.org', 'wrong'),
    ]);
    assert.deepEqual([...new Set(right)], [ann]);
    assert.deepEqual([...new Set([...wrong, ...nobody])], [undefined]);
    assert.equal(await authenticator.verifyPassword(ann, 'wrong'), undefined);
  });

  it('RFC 5802 §9: unknown users have salts, the same each time', async () => {
    const { authenticator } = await setUp();
    const first = await authenticator.scramKeys('nobody@example.org');
    const again = await authenticator.scramKeys('NOBODY@example.org');
    const other = await authenticator.scramKeys('somebody@example.org');
    assert.equal(first.account, undefined);
    assert.deepEqual(first.keys.salt, again.keys.salt);
    assert.notDeepEqual(first.keys.salt, other.keys.salt);
    const real = await authenticator.scramKeys(ann);
    assert.equal(real.account, ann);
    assert.equal(first.keys.iterations, real.keys.iterations);
    assert.equal(first.keys.salt.length, real.keys.salt.length);
    assert.equal((await scram(authenticator, 'nobody@example.org', 'x')).kind, 'failure');
  });

  it('RFC 5802 §9: they are the same after a restart, as real ones are, and cost the store as much', async () => {
    const { accounts, authenticator } = await setUp();
    const asked: string[] = [];
    const watched = new Proxy(accounts, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          asked.push(String(property));
          return value.apply(target, args);
        };
      },
    });
    const restarted = createAuthenticator({ accounts: watched, clock });
    for (const user of ['nobody@example.org', ann]) {
      const before = await authenticator.scramKeys(user);
      const after = await restarted.scramKeys(user);
      assert.deepEqual(after.keys.salt, before.keys.salt, user);
    }
    assert.deepEqual(
      asked.filter((name) => name !== 'secret'),
      ['find', 'credentials', 'find', 'credentials'],
    );
  });

  it('RFC 5802 §9: an account without a password looks like nobody', async () => {
    const { accounts, authenticator } = await setUp();
    await addAccount(accounts, 'bob@example.org', undefined, clock);
    const bob = await authenticator.scramKeys('bob@example.org');
    assert.equal(bob.account, undefined);
    assert.deepEqual(bob.keys.salt, (await authenticator.scramKeys('BOB@example.org')).keys.salt);
  });

  it('a password of another salt than the main one cannot be asked for by SCRAM', async () => {
    const { accounts } = await setUp();
    const [main] = await accounts.credentials(ann);
    const named = (name: string, salt: Buffer) => ({
      ...main!,
      name,
      scram: { ...main!.scram, salt },
    });
    const stored = [
      named('old', Buffer.alloc(16)),
      main!,
      named('phone', Buffer.from(main!.scram.salt)),
    ];
    const find = accounts.find.bind(accounts);
    const secret = accounts.secret.bind(accounts);
    const authenticator = createAuthenticator({
      accounts: { find, secret, credentials: async () => stored },
      clock,
    });
    const found = await authenticator.scramKeys(ann);
    assert.deepEqual(found.keys, main!.scram);
    assert.deepEqual(found.others, [stored[2]!.scram]);
  });

  it('RFC 4422 §3.4.1: acts as its own addresses only', async () => {
    const { accounts, authenticator } = await setUp();
    await addAccount(accounts, 'bob@example.org', 'battery staple', clock);
    assert.equal(await authenticator.mayActAs(ann, 'Ann.Smith@example.org'), true);
    assert.equal(await authenticator.mayActAs(ann, 'bob@example.org'), false);
    assert.equal(await authenticator.mayActAs(ann, 'nobody@example.org'), false);
  });

  it('bearer tokens and certificates lead to accounts that exist', async () => {
    const { accounts } = await setUp();
    const authenticator = createAuthenticator({
      accounts,
      clock,
      tokenVerifier: async (user, token) => (token === 'good' ? user : undefined),
      certificateAccounts: new Map([['laptop.example.org', ann]]), // as certificateNameKey() has it
    });
    assert.equal(await authenticator.verifyToken?.('ann.smith@example.org', 'good'), ann);
    assert.equal(await authenticator.verifyToken?.('ann.smith@example.org', 'bad'), undefined);
    assert.equal(await authenticator.verifyToken?.('bob@example.org', 'good'), undefined);
    assert.equal(createAuthenticator({ accounts, clock }).verifyToken, undefined, 'not offered');
    assert.equal(await authenticator.accountOfCertificate(['x', 'ann.smith@example.org']), ann);
    assert.equal(await authenticator.accountOfCertificate(['Laptop.Example.org']), ann);
    assert.equal(await authenticator.accountOfCertificate(['x.example.org']), undefined);
  });

  it('dev: any password is right, and the user name is the inbox', async () => {
    const authenticator = createDevAuthenticator({ localDomain: 'localhost' });
    assert.equal(await authenticator.verifyPassword('Ann@Example.org', 'x'), 'ann@example.org');
    assert.equal(await authenticator.verifyPassword('Ann', 'x'), 'ann@localhost');
    assert.equal(await authenticator.verifyPassword('', 'x'), undefined);
    assert.equal(await authenticator.mayActAs?.('ann@example.org', 'bob@example.org'), true);
    assert.equal(authenticator.scramKeys, undefined);
  });

  it('dev: an inbox with a login of its own has one password, and nobody else becomes it', async () => {
    const own = 'box@localhost';
    const { verifyPassword: verify, mayActAs } = createDevAuthenticator({
      localDomain: 'localhost',
      inboxes: {
        inboxOf: (user) => (user === 'box' || user === own ? own : undefined),
        verify: (_user, password) => (password === 'its own' ? own : undefined),
      },
    });
    assert.equal(await verify('box', 'its own'), own);
    assert.equal(await verify('box', 'x'), undefined);
    assert.equal(await verify('ann', 'x'), 'ann@localhost');
    assert.equal(await mayActAs?.(own, 'box'), true);
    assert.equal(await mayActAs?.('ann@localhost', own), false);
    assert.equal(await mayActAs?.('ann@localhost', 'bob@localhost'), true);
  });
});

describe('account operations', () => {
  const operations: readonly (readonly [
    string,
    (store: AccountStore) => Promise<unknown>,
    RegExp,
  ])[] = [
    ['no address', (s) => addAccount(s, 'ann', 'x'), /"ann" is not a mail address/],
    ['no local part', (s) => addAccount(s, '@example.org', 'x'), /is not a mail address/],
    ['a second one', (s) => addAccount(s, 'ANN@xn--bcher-kva.example', 'x'), /already/],
    [
      'another’s address',
      (s) => addAccount(s, 'ann.smith@example.org', 'x'),
      /is an address of ann@/,
    ],
    ['empty', (s) => addAccount(s, 'bob@example.org', ''), /the password is empty/],
    ['controls', (s) => addAccount(s, 'bob@example.org', 'a\tb'), /characters that cannot be/],
    ['endless', (s) => addAccount(s, 'bob@example.org', 'x'.repeat(2000)), /longer than 1024/],
    ['unknown', (s) => changePassword(s, 'bob@example.org', 'x'), /there is no account bob@/],
    ['removing nobody', (s) => removeAccount(s, 'bob@example.org'), /there is no account/],
    [
      'removing by an alias',
      (s) => removeAccount(s, 'ann.smith@example.org'),
      /another address of/,
    ],
    ['adding twice', (s) => addAddress(s, ann, 'ann.smith@example.org'), /is an address of ann@/],
    ['the account’s own', (s) => removeAddress(s, ann, ann), /goes with the account/],
    ['not its address', (s) => removeAddress(s, ann, 'x@example.org'), /is not an address of/],
    ['no name', (s) => addAppPassword(s, ann, ' '), /1 to 64 characters/],
    ['no such app password', (s) => removeAppPassword(s, ann, 'tv'), /no app password "tv"/],
  ];
  for (const [title, operation, message] of operations)
    it(`refuses ${title}`, async () => {
      const { accounts } = await setUp();
      const before = JSON.stringify(await accounts.list());
      await assert.rejects(operation(accounts), (error) => {
        assert.ok(error instanceof AccountError);
        assert.match(error.message, message);
        return true;
      });
      assert.equal(JSON.stringify(await accounts.list()), before);
    });

  it('advises against short passwords, but takes them', async () => {
    const { accounts } = await setUp();
    assert.match(
      (await changePassword(accounts, ann, 'short', clock)).advice ?? '',
      /8 characters/,
    );
    assert.match((await changePassword(accounts, ann, '7 chårs', clock)).advice ?? '', /short/);
    assert.equal((await changePassword(accounts, ann, '8 charås', clock)).advice, undefined);
    const bob = await addAccount(accounts, 'Bob@Example.ORG', undefined, clock);
    assert.deepEqual(bob, { address: 'bob@example.org', advice: undefined });
    assert.deepEqual(await accounts.credentials('bob@example.org'), []);
  });

  it('an app password has a name of its own', async () => {
    const { accounts } = await setUp();
    await addAppPassword(accounts, ann, 'phone', clock);
    await assert.rejects(addAppPassword(accounts, ann, ' phone ', clock), /remove it first/);
  });

  it('a changed password has a salt of its own, or that of the app passwords', async () => {
    const { accounts } = await setUp();
    const salts = async () => (await accounts.credentials(ann)).map(({ scram: { salt } }) => salt);
    const [first] = await salts();
    await changePassword(accounts, ann, 'battery staple', clock);
    assert.notDeepEqual(await salts(), [first]);
    await addAppPassword(accounts, ann, 'phone', clock);
    await changePassword(accounts, ann, 'staple battery', clock);
    const [main, phone] = await salts();
    assert.deepEqual(main, phone);
  });

  it('a password has 1024 octets at the most', async () => {
    const { accounts, authenticator } = await setUp();
    const longest = 'é'.repeat(512);
    await changePassword(accounts, ann, longest, clock);
    assert.equal(await authenticator.verifyPassword(ann, longest), ann);
    await assert.rejects(changePassword(accounts, ann, `${longest}x`, clock), AccountError);
    assert.equal(await authenticator.verifyPassword(ann, longest), ann);
  });

  it('an account has fifty passwords at the most', async () => {
    const { accounts } = await setUp();
    const [main] = await accounts.credentials(ann);
    for (let count = 1; count < 49; count += 1)
      await accounts.putCredential(ann, { ...main!, name: `phone ${count}` });
    await addAppPassword(accounts, ann, 'the fiftieth', clock);
    await assert.rejects(addAppPassword(accounts, ann, 'one more', clock), /remove one first/);
    assert.equal((await accounts.credentials(ann)).length, 50);
  });

  it('makes up passwords that can be read out', () => {
    const passwords = new Set(Array.from({ length: 100 }, generatePassword));
    assert.equal(passwords.size, 100);
    for (const password of passwords)
      assert.match(password, /^[a-km-np-z2-9]{5}(-[a-km-np-z2-9]{5}){3}$/);
  });
});
