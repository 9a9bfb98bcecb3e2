import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../../base/log.ts';
import { openInMemory } from '../../store/sqlite/test-stores.ts';
import { addAccount, addAppPassword, changePassword } from '../accounts/account-changes.ts';
import { createLoginThrottle } from '../accounts/login-throttle.ts';
import '../accounts/test-hashing.ts';
import {
  addAdministrator,
  addPasskey,
  changeAdministrator,
  checkPassword,
  enrolTotp,
  findAdministrator,
  findPasskey,
  listAdministrators,
  passkeyUsed,
  removeAdministrator,
  removePasskey,
  removeTotp,
} from './administrators.ts';
import { createConsoleLogin, proofOfOwner } from './console-login.ts';
import { totpAt } from './totp.ts';
import type { SessionOwner } from './web-sessions.ts';
import {
  closeSession,
  endSession,
  findSession,
  listSessions,
  openSession,
} from './web-sessions.ts';

const password = 'correct horse battery';
const [minute, hour] = [60_000, 3_600_000];

async function opened() {
  const test = await openInMemory();
  const { clock } = test;
  const { records, accounts } = test.stores;
  const parts = { records, accounts, clock, log: silentLog };
  const throttle = createLoginThrottle({ clock, delay: 0, failuresPerNetwork: 5 });
  const logIn = createConsoleLogin({ ...parts, throttle });
  const proofOf = (owner: SessionOwner) =>
    proofOfOwner({ ...parts, signsOn: (name) => name === 'sub-1' }, owner);
  const open = async (owner: SessionOwner) =>
    openSession(parts, {
      owner,
      proof: (await proofOf(owner))!,
      client: '::1',
      program: 'Firefox',
    });
  const find = (secret: string) => findSession(parts, secret, proofOf);
  return {
    ...{ parts, clock, logIn, open, find, proofOf },
    [Symbol.asyncDispose]: () => test[Symbol.asyncDispose](),
  };
}

describe('administrators', () => {
  it('log in by name and password, whatever the case of the name; nobody else does', async () => {
    await using test = await opened();
    const { parts, logIn } = test;
    await addAdministrator(parts, { name: 'Ann', password, allows: ['read'] });
    const as = (name: string, given: string) => logIn({ name, password: given }, '192.0.2.1');
    const owner = { kind: 'administrator', name: 'ann' };
    assert.deepEqual(await as('ANN', password), { kind: 'logged-in', owner });
    for (const [name, given] of [
      ['ann', 'wrong'],
      ['ann', ''],
      ['bob', password],
      ['__proto__', password],
    ] as const)
      assert.deepEqual(await as(name, given), { kind: 'refused', reason: 'credentials' }, name);
    const kept = JSON.stringify(await parts.records.list('administrator', { limit: 9 }));
    assert.ok(!kept.includes(password));
  });

  it('have names that are no addresses, and passwords that are no words', async () => {
    await using test = await opened();
    const add = (name: string, given = password) =>
      addAdministrator(test.parts, { name, password: given, allows: ['all'] });
    await add('ann');
    await assert.rejects(add('ANN'), /there is an administrator ann/);
    for (const name of ['', 'ann@example.org', '../x', 'x'.repeat(65)])
      await assert.rejects(add(name), /a name is of/);
    await assert.rejects(add('bob', 'x'.repeat(11)), /12 characters/);
    for (const given of ['x'.repeat(1025), `${password}\n`, ''])
      await assert.rejects(add('bob', given), /too long, or has control characters/);
    for (const [name, given] of [
      ['short', 'x'.repeat(12)],
      ['long', 'x'.repeat(1024)],
    ] as const) {
      await add(name, given);
      assert.equal((await test.logIn({ name, password: given }, '::1')).kind, 'logged-in');
    }
    for (const change of [
      () => removeAdministrator(test.parts, 'bob'),
      () => changeAdministrator(test.parts, 'bob', { allows: [] }),
    ])
      await assert.rejects(change(), /no administrator bob/);
    for (const name of ['Ann', 'short', 'long']) await removeAdministrator(test.parts, name);
    assert.deepEqual(await listAdministrators(test.parts), []);
  });

  it('get another password, other rights, or both; what is not said stays', async () => {
    await using test = await opened();
    const { parts, logIn } = test;
    await addAdministrator(parts, { name: 'ann', password, allows: ['all'] });
    const as = async (given: string) => (await logIn({ name: 'ann', password: given }, '::1')).kind;
    await changeAdministrator(parts, 'ann', { allows: ['read'] });
    assert.deepEqual([await as(password), await as(`${password}!`)], ['logged-in', 'refused']);
    await changeAdministrator(parts, 'ann', { password: `${password}!` });
    assert.deepEqual([await as(password), await as(`${password}!`)], ['refused', 'logged-in']);
    assert.deepEqual((await findAdministrator(parts, 'ann'))?.allows, ['read']);
  });

  it('are a thousand at the most', async () => {
    await using test = await opened();
    const { parts } = test;
    const add = (name: string) => addAdministrator(parts, { name, password, allows: [] });
    const others = Array.from({ length: 999 }, (_, i) => ({
      ...{ kind: 'administrator', key: `a${i}`, value: '{"passkeys":[]}' },
    }));
    await parts.records.put(others);
    await add('last');
    await assert.rejects(add('more'), /too many/);
  });

  it('are not brought back by a login, nor is what was changed meanwhile', async () => {
    await using test = await opened();
    const { parts, clock, logIn } = test;
    const secret = Buffer.alloc(20, 7);
    const code = () => totpAt(secret, Math.floor(clock.now() / 30_000));
    for (const name of ['ann', 'bob']) {
      await addAdministrator(parts, { name, password, allows: ['all'] });
      await enrolTotp(parts, name, { secret, code: code() });
    }
    await clock.advance(minute);
    const as = (name: string) => logIn({ name, password, code: code() }, '192.0.2.1');
    const logins = [as('ann'), as('bob')];
    await removeAdministrator(parts, 'ann');
    await changeAdministrator(parts, 'bob', { allows: ['read'] });
    await Promise.all(logins);
    assert.deepEqual(
      (await listAdministrators(parts)).map(({ name, allows }) => [name, allows]),
      [['bob', ['read']]],
    );
  });

  it('a code opens nothing any more that was changed while it was looked at', async () => {
    await using test = await opened();
    const { parts, clock } = test;
    const secret = Buffer.alloc(20, 7);
    const changes = [
      () => removeAdministrator(parts, 'ann'),
      () => removeTotp(parts, 'ann'),
      () => changeAdministrator(parts, 'ann', { password: `${password}!` }),
    ];
    // Before the code is looked at, and between its being read and its being written as used.
    for (const moment of ['get', 'replace'] as const)
      for (const change of changes) {
        await addAdministrator(parts, { name: 'ann', password, allows: ['all'] });
        const code = () => totpAt(secret, Math.floor(clock.now() / 30_000));
        await enrolTotp(parts, 'ann', { secret, code: code() });
        await clock.advance(minute);
        let calls = moment === 'get' ? -1 : 0;
        const meanwhile = async (method: typeof moment) => {
          if (method === moment && calls++ === 0) await change();
        };
        const records: typeof parts.records = Object.create(parts.records, {
          get: {
            value: async (kind: string, key: string) => {
              await meanwhile('get');
              return parts.records.get(kind, key);
            },
          },
          replace: {
            value: async (...given: Parameters<typeof parts.records.replace>) => {
              await meanwhile('replace');
              return parts.records.replace(...given);
            },
          },
        });
        const given = { name: 'ann', password, code: code() };
        const verdict = await checkPassword({ ...parts, records }, given);
        assert.deepEqual(verdict, { kind: 'wrong' }, `${moment} ${change}`);
        await removeAdministrator(parts, 'ann').catch(() => {});
      }
  });

  it('with a second factor the password alone asks for the code, and each code is good once', async () => {
    await using test = await opened();
    const { parts, clock, logIn } = test;
    await addAdministrator(parts, { name: 'ann', password, allows: ['all'] });
    const secret = Buffer.alloc(20, 7);
    const code = () => totpAt(secret, Math.floor(clock.now() / 30_000));
    await assert.rejects(enrolTotp(parts, 'ann', { secret, code: '000000' }), /clock/);
    await enrolTotp(parts, 'ann', { secret, code: code() });
    const as = async (given?: string) => {
      const answer = await logIn({ name: 'ann', password, code: given }, '192.0.2.1');
      return answer.kind === 'refused' ? answer.reason : answer.kind;
    };
    assert.equal(await as(), 'code');
    assert.equal(await as(code()), 'credentials', 'it was used to enrol');
    await clock.advance(minute);
    assert.equal(await as('000000'), 'credentials');
    assert.equal(await as(code()), 'logged-in');
    assert.equal(await as(code()), 'credentials');
    await clock.advance(minute);
    const both = await Promise.all([as(code()), as(code())]);
    assert.deepEqual(both.sort(), ['credentials', 'logged-in']);
    await removeTotp(parts, 'ann');
    assert.equal(await as(), 'logged-in');
    await assert.rejects(removeTotp(parts, 'ann'), /no second factor/);
  });

  it('guesses at the code are cut off, though the password is right', async () => {
    await using test = await opened();
    const { parts, clock, logIn } = test;
    await addAdministrator(parts, { name: 'ann', password, allows: ['all'] });
    const secret = Buffer.alloc(20, 7);
    const step = Math.floor(clock.now() / 30_000);
    await enrolTotp(parts, 'ann', { secret, code: totpAt(secret, step) });
    const answers: string[] = [];
    for (let i = 0; i < 6; i += 1) {
      const answer = await logIn({ name: 'ann', password, code: '000000' }, '192.0.2.1');
      answers.push(answer.kind === 'refused' ? answer.reason : answer.kind);
    }
    assert.deepEqual([answers[0], answers.at(-1)], ['credentials', 'blocked']);
  });

  it('passkeys have one owner and a name', async () => {
    await using test = await opened();
    const { parts } = test;
    await addAdministrator(parts, { name: 'ann', password, allows: ['all'] });
    const key = { id: 'a1', name: 'phone', publicKey: 'pk', counter: 0, transports: [] };
    await addPasskey(parts, 'ann', key);
    await assert.rejects(addPasskey(parts, 'ann', { ...key, id: 'a2' }), /passkey phone already/);
    await addAdministrator(parts, { name: 'bob', password, allows: ['read'] });
    for (const owner of ['ann', 'bob'])
      await assert.rejects(
        addPasskey(parts, owner, { ...key, name: 'other' }),
        /known here already/,
      );
    for (const name of ['', 'x'.repeat(65), 'a\nb'])
      await assert.rejects(addPasskey(parts, 'bob', { ...key, id: 'b1', name }), /1 to 64/);
    for (let i = 0; i < 20; i += 1)
      await addPasskey(parts, 'bob', { ...key, id: `b${i}`, name: `${i}` });
    await assert.rejects(addPasskey(parts, 'bob', { ...key, id: 'b20' }), /20 passkeys/);
    await passkeyUsed(parts, 'bob', { id: 'b1', counter: 7 });
    const counters = (await findAdministrator(parts, 'bob'))?.passkeys.map((one) => one.counter);
    assert.deepEqual(counters, [0, 7, ...Array.from({ length: 18 }, () => 0)]);
    assert.equal((await findPasskey(parts, 'a1'))?.administrator.name, 'ann');
    assert.equal(await findPasskey(parts, 'a2'), undefined);
    await assert.rejects(removePasskey(parts, 'ann', 'tablet'), /no passkey tablet/);
    await removePasskey(parts, 'ann', 'phone');
    assert.deepEqual((await findAdministrator(parts, 'ann'))?.passkeys, []);
  });
});

describe('accounts', () => {
  it('log in with their password; an app password is for mail programs', async () => {
    await using test = await opened();
    const { parts, clock, logIn } = test;
    await addAccount(parts.accounts, 'ann@example.org', password, clock);
    const app = await addAppPassword(parts.accounts, 'ann@example.org', 'phone', clock);
    const as = async (given: string) =>
      (await logIn({ name: 'Ann@example.org', password: given }, '192.0.2.1')).kind;
    assert.equal(await as(password), 'logged-in');
    assert.equal(await as(app), 'refused');
  });
});

describe('sessions in browsers', () => {
  const owner: SessionOwner = { kind: 'administrator', name: 'ann' };

  it('are opened by their secret alone, which is not kept, and end by themselves', async () => {
    await using test = await opened();
    const { parts, clock, open, find } = test;
    await addAdministrator(parts, { name: 'ann', password, allows: ['all'] });
    const secret = await open(owner);
    assert.deepEqual((await find(secret))?.owner, owner);
    const kept = JSON.stringify(await parts.records.list('web-session', { limit: 9 }));
    assert.ok(!kept.includes(secret));
    const id = (await listSessions(parts))[0]!.id;
    for (const wrong of [
      '',
      id,
      `${secret}x`,
      secret.replace(/.$/, (c) => (c === 'A' ? 'B' : 'A')),
    ])
      assert.equal(await find(wrong), undefined, wrong);
    await clock.advance(11 * hour);
    assert.ok(await find(secret), 'it is used');
    await clock.advance(11 * hour);
    assert.ok(await find(secret), 'it was used half a day ago');
    await clock.advance(12 * hour);
    assert.equal(await find(secret), undefined, 'nobody used it');
  });

  it('that were ended are not brought back by a request that was under way', async () => {
    await using test = await opened();
    const { parts, clock, open, find } = test;
    await addAdministrator(parts, { name: 'ann', password, allows: ['all'] });
    const end = async () => endSession(parts, (await listSessions(parts))[0]!.id);
    for (const ends of [(secret: string) => closeSession(parts, secret), end]) {
      const secret = await open(owner);
      await clock.advance(11 * minute);
      await Promise.all([find(secret), ends(secret)]);
      assert.deepEqual(await listSessions(parts), []);
    }
  });

  it('end after a week in any case', async () => {
    await using test = await opened();
    await addAdministrator(test.parts, { name: 'ann', password, allows: ['all'] });
    const secret = await test.open(owner);
    for (let hours = 0; hours < 7 * 24 - 6; hours += 6) {
      await test.clock.advance(6 * hour);
      assert.ok(await test.find(secret), `${hours}`);
    }
    await test.clock.advance(6 * hour);
    assert.equal(await test.find(secret), undefined);
  });

  it('end with the password, the rights or the person they came from', async () => {
    await using test = await opened();
    const { parts, clock, open, find } = test;
    const { accounts } = parts;
    await addAdministrator(parts, { name: 'ann', password, allows: ['all'] });
    for (const change of [
      () => changeAdministrator(parts, 'ann', { password: `${password}!` }),
      () => changeAdministrator(parts, 'ann', { allows: ['read'] }),
      () => removeAdministrator(parts, 'ann'),
    ]) {
      const secret = await open(owner);
      await clock.advance(1);
      await change();
      assert.equal(await find(secret), undefined);
      assert.deepEqual(await listSessions(parts), [], 'nor does it come back');
    }
    await addAccount(accounts, 'ann@example.org', password, clock);
    const account = await open({ kind: 'account', name: 'ann@example.org' });
    await addAppPassword(accounts, 'ann@example.org', 'phone', clock);
    assert.ok(await find(account), 'an app password is another thing');
    await clock.advance(1);
    await changePassword(accounts, 'ann@example.org', `${password}!`, clock);
    assert.equal(await find(account), undefined);
    assert.ok(await find(await open({ kind: 'single-sign-on', name: 'sub-1' })));
    const configured = (name: string) => test.proofOf({ kind: 'single-sign-on', name });
    assert.equal(await configured('sub-1'), 'configured');
    assert.equal(await configured('ann@example.org'), undefined, 'it is an account alone');
  });

  it('are as many as there is room for: whoever has most of them makes some', async () => {
    await using test = await opened();
    const { parts, clock, open, find } = test;
    for (const name of ['ann', 'eve'])
      await addAdministrator(parts, { name, password, allows: ['read'] });
    const secret = await open(owner);
    await clock.advance(1);
    const eve: SessionOwner = { kind: 'administrator', name: 'eve' };
    const one = await open(eve);
    const [, { value = '' } = {}] = (
      await parts.records.list('web-session', { limit: 2 })
    ).toSorted((a, b) => (a.value < b.value ? -1 : 1));
    await clock.advance(1);
    const others = Array.from({ length: 9_997 }, (_, i) => ({
      ...{ kind: 'web-session', key: `${i}`, value },
      expires: clock.now() + hour,
    }));
    await parts.records.put(others);
    const last = await open(eve);
    assert.ok(await find(one), 'there was room');
    await open({ ...owner });
    const left = await listSessions(parts);
    assert.equal(left.length, 5_001);
    assert.deepEqual(new Set(left.map((each) => each.owner.name)), new Set(['ann', 'eve']));
    assert.ok((await find(secret)) && (await find(last)));
  });

  it('are closed by whoever has them, and ended by whoever may', async () => {
    await using test = await opened();
    const { parts, open, find } = test;
    await addAdministrator(parts, { name: 'ann', password, allows: ['all'] });
    const [one, two] = [await open(owner), await open(owner)];
    await closeSession(parts, one);
    assert.equal(await find(one), undefined);
    const [{ id } = { id: '' }] = await listSessions(parts);
    assert.equal(await endSession(parts, ''), false);
    assert.equal(await endSession(parts, id.slice(0, 15)), false);
    assert.equal(await endSession(parts, '0'.repeat(16)), false);
    assert.equal(await endSession(parts, id), true);
    assert.equal(await find(two), undefined);
  });
});
