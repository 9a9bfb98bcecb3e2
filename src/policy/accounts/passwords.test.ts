import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  findPassword,
  HashingBusy,
  hashAt,
  hashPassword,
  parseArgon2,
  preparePassword,
  usualCost,
  verifyPassword,
} from './passwords.ts';
import { cheapCost } from './test-hashing.ts';

// Made with the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1
// (phc-winner-argon2, test.c, version 0x13).
const reference =
  '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';

describe('passwords', () => {
  before(() => hashAt(usualCost));
  after(() => hashAt(cheapCost));

  it('RFC 9106: reads what the reference implementation wrote', async () => {
    assert.equal(await verifyPassword(reference, 'password'), true);
    assert.equal(await verifyPassword(reference, 'Password'), false);
  });

  it('hashes with the strength that OWASP asks for, and a salt of its own', async () => {
    const [first, second] = await Promise.all([hashPassword('secret'), hashPassword('secret')]);
    assert.match(first.argon2, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    assert.notEqual(first.argon2, second.argon2);
    assert.equal(await verifyPassword(first.argon2, 'secret'), true);
    assert.equal(await verifyPassword(first.argon2, 'secre'), false);
    assert.equal(first.scram.iterations, 65_536);
    assert.notDeepEqual(first.scram.salt, second.scram.salt);
  });

  it('passwords of one account share their salts, and each is found', async () => {
    const main = await hashPassword('main');
    const other = await hashPassword('other', [{ argon2: reference, scram: main.scram }, main]);
    assert.equal(
      parseArgon2(other.argon2)?.salt.toString(),
      parseArgon2(main.argon2)?.salt.toString(),
    );
    assert.deepEqual(other.scram.salt, main.scram.salt);
    assert.equal(await findPassword([main, other], 'other'), other);
    assert.equal(await findPassword([main, other], 'main'), main);
    assert.equal(await findPassword([main, other], 'neither'), undefined);
    assert.equal(await findPassword([], 'main'), undefined);
  });

  it('hashes that cost as much as a login may can be read, no others', () => {
    const costing = (memory: number, passes: number, lanes: number) =>
      parseArgon2(reference.replace('m=65536,t=2,p=1', `m=${memory},t=${passes},p=${lanes}`));
    assert.equal(costing(256 * 1024, 16, 16)?.memory, 256 * 1024);
    assert.equal(costing(8 * 16, 1, 16)?.parallelism, 16, 'RFC 9106 §3.1: 8 KiB a lane');
    for (const [memory, passes, lanes] of [
      [256 * 1024 + 1, 1, 1],
      [8 * 16 - 1, 1, 16],
      [65_536, 17, 1],
      [65_536, 1, 17],
    ] as const)
      assert.equal(costing(memory, passes, lanes), undefined, `${memory} ${passes} ${lanes}`);
  });

  for (const phc of [
    '',
    'x',
    reference.replace('id', 'i'),
    reference.replace('v=19', 'v=16'),
    reference.replace('m=65536', 'm=9999999'),
    reference.replace('m=65536', 'm=1'),
    reference.replace('t=2', 't=0'),
    reference.replace('t=2', 't=99'),
    reference.replace('p=1', 'p=0'),
    reference.slice(0, -40),
    `${reference}\n`,
  ])
    it(`is not right for a hash that cannot be read: ${JSON.stringify(phc)}`, async () => {
      assert.equal(parseArgon2(phc), undefined);
      assert.equal(await verifyPassword(phc, 'password'), false);
    });

  it('RFC 4013: prepares, and refuses what cannot be a password', () => {
    assert.equal(preparePassword('a\u00adb'), 'ab');
    for (const text of ['', '\u00ad', 'a\0', 'a\nb'])
      assert.equal(preparePassword(text), undefined);
  });

  const cheap =
    '$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';

  it('of one salt there is one hash, whatever number of passwords', async () => {
    for (const hashes of [[{ argon2: cheap }], [{ argon2: cheap }, { argon2: cheap }]]) {
      const ended: string[] = [];
      const login = (name: string, of: Parameters<typeof findPassword>[0]) =>
        findPassword(of, 'x').then(() => ended.push(name));
      // Whoever needs a second one waits for it behind all others.
      const first = login('first', hashes);
      const crowd = Array.from({ length: 50 }, () => login('crowd', [{ argon2: cheap }]));
      await Promise.all([first, ...crowd]);
      assert.ok(ended.indexOf('first') < 10, `${hashes.length}: ${ended.indexOf('first')}`);
    }
  });

  it('where there is no password it costs a hash all the same', async () => {
    const crowd = Array.from({ length: 202 }, () => verifyPassword(cheap, 'x'));
    await assert.rejects(findPassword([], 'x'), HashingBusy);
    await Promise.all(crowd);
  });

  it('turns logins away when too many wait, and recovers', async () => {
    const logins = await Promise.allSettled(
      Array.from({ length: 300 }, () => verifyPassword(cheap, 'x')),
    );
    const busy = logins.filter(({ status }) => status === 'rejected');
    assert.equal(busy.length, 98); // two at work, 200 waiting
    assert.equal(await verifyPassword(cheap, 'x'), false);
  });
});
