import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../base/fake-clock.ts';
import { silentLog } from '../../base/log.ts';
import { Counter } from '../../base/metrics.ts';
import { chooseSaslClient } from '../../sasl/client.ts';
import type { Authenticator } from '../../sasl/mechanism.ts';
import { addAccount, addAddress } from './account-changes.ts';
import { createAuthenticator } from './authenticator.ts';
import type { LoginClient, LoginResult } from './login.ts';
import { Login } from './login.ts';
import { createLoginThrottle } from './login-throttle.ts';
import { MemoryAccountStore } from './memory-account-store.ts';
import './test-hashing.ts';

const ann = 'ann@example.org';
const plain = (user: string, password: string) => Buffer.from(`\0${user}\0${password}`);

interface Setting {
  readonly authenticator?: Partial<Authenticator>;
  readonly failuresPerNetwork?: number;
}

/** Logins of clients; `asked` are the users whose passwords were looked at. */
function setUp({ authenticator, failuresPerNetwork = 20 }: Setting = {}) {
  const clock = new FakeClock();
  const throttle = createLoginThrottle({ clock, failuresPerNetwork, delay: 1_000 });
  const asked: string[] = [];
  const lines: string[] = [];
  const note = (event: string, fields?: object) => lines.push(`${event} ${JSON.stringify(fields)}`);
  const leavers = new Set<() => void>();
  const loggedIn = new Counter();
  const clientAt = (address: string): LoginClient => ({
    remote: { address, port: 1 },
    tls: undefined,
    onLeave(callback) {
      leavers.add(callback);
      return () => leavers.delete(callback);
    },
  });
  const open = (mechanismsCountOnce = false): Login =>
    new Login({
      ...{ throttle, clock, loggedIn, log: { ...silentLog, info: note, warn: note } },
      mechanismsCountOnce,
      authenticator: {
        async verifyPassword(user, password) {
          asked.push(user);
          return password === 'right' ? user : undefined;
        },
        mayActAs: async () => false,
        ...authenticator,
      },
    });
  const leave = () => {
    for (const callback of leavers) callback();
  };
  const client = clientAt('192.0.2.1');
  return { clock, throttle, asked, lines, loggedIn, leavers, clientAt, open, leave, client };
}

const outcome = (result: LoginResult): string =>
  result.kind === 'refused' ? result.reason : result.kind;

/** The ways to one guess, which must not differ. */
const ways: readonly (readonly [
  string,
  (login: Login, client: LoginClient, user: string, password: string) => Promise<LoginResult>,
])[] = [
  ['a password', (login, client, user, password) => login.password(user, password, client)],
  [
    'AUTH PLAIN with an initial response',
    (login, client, user, password) => login.start('PLAIN', plain(user, password), client),
  ],
  [
    'AUTH PLAIN without one',
    async (login, client, user, password) => {
      const first = await login.start('PLAIN', undefined, client);
      return first.kind === 'challenge' ? login.respond(plain(user, password)) : first;
    },
  ],
];

for (const [title, guess] of ways)
  describe(`Login: ${title}`, () => {
    it('is right, or wrong; the log has session, user and address, never the password', async () => {
      const { open, client, lines } = setUp();
      assert.equal(outcome(await guess(open(), client, ann, 'Hunter2')), 'credentials');
      assert.match(lines[0]!, /^login failed .*"reason":"credentials","user":"ann@example.org"/);
      assert.doesNotMatch(lines.join(), /Hunter2|SHVudGVyMg/);
    });

    it('after a failure the next attempt has to wait', async () => {
      const { open, client, clock, asked, leavers } = setUp();
      await guess(open(), client, ann, 'wrong');
      const again = guess(open(), client, ann, 'right');
      await clock.advance(999);
      assert.deepEqual(asked, [ann]);
      await clock.advance(1);
      assert.equal(outcome(await again), 'logged-in');
      assert.equal(leavers.size, 0, 'nobody listens any longer for its end');
    });

    it('is counted if it is right', async () => {
      const { open, clientAt, loggedIn } = setUp();
      await guess(open(), clientAt('192.0.2.1'), ann, 'wrong');
      await guess(open(), clientAt('198.51.100.1'), ann, 'right');
      assert.equal(loggedIn.value, 1);
    });

    it('no turn is waited for by a client that has left', async () => {
      const { open, client, clock, asked, leave, lines } = setUp();
      await guess(open(), client, ann, 'wrong');
      const waiting = guess(open(), client, ann, 'right');
      leave();
      assert.equal(outcome(await waiting), 'temporary');
      assert.equal(clock.nextTimer(), undefined);
      assert.deepEqual(asked, [ann]);
      assert.equal(lines.length, 1);
    });

    it('a network that guessed too often is cut off, and nothing is looked at', async () => {
      const { open, client, asked, lines } = setUp({ failuresPerNetwork: 1 });
      await guess(open(), client, ann, 'wrong');
      assert.equal(outcome(await guess(open(), client, ann, 'right')), 'blocked');
      assert.deepEqual(asked, [ann]);
      assert.match(lines.at(-1)!, /^login failed .*"reason":"blocked"/);
    });

    it('one that waits for its turn while the network is cut off has none', async () => {
      const { open, client, clock, throttle, asked } = setUp({ failuresPerNetwork: 3 });
      await guess(open(), client, ann, 'wrong');
      const waiting = guess(open(), client, ann, 'right');
      throttle.failed('192.0.2.9');
      throttle.failed('192.0.2.9');
      await clock.advance(1_000);
      assert.equal(outcome(await waiting), 'blocked');
      assert.deepEqual(asked, [ann]);
    });

    it('guesses at one account from everywhere slow strangers down, not its owner', async () => {
      const { open, clientAt, clock, throttle, asked } = setUp();
      throttle.succeeded('198.51.100.1', ann);
      for (let i = 0; i < 12; i += 1) throttle.failed(`10.0.${i}.1`, ann);
      const stranger = guess(open(), clientAt('203.0.113.1'), ann, 'right');
      while (clock.nextTimer() === undefined) await new Promise(setImmediate);
      await clock.advance(3_999);
      assert.deepEqual(asked, []);
      await clock.advance(1);
      assert.equal(outcome(await stranger), 'logged-in');
      assert.equal(
        outcome(await guess(open(), clientAt('198.51.100.1'), ann, 'right')),
        'logged-in',
      );
    });

    it('a client that leaves while it waits for the account is no failure', async () => {
      const { open, clientAt, clock, throttle, asked, lines, leave } = setUp();
      for (let i = 0; i < 12; i += 1) throttle.failed(`10.0.${i}.1`, ann);
      const stranger = guess(open(), clientAt('203.0.113.1'), ann, 'right');
      while (clock.nextTimer() === undefined) await new Promise(setImmediate);
      leave();
      assert.equal(outcome(await stranger), 'temporary');
      assert.deepEqual([asked, lines], [[], []]);
    });

    it('guesses made side by side are no more than those one after another, right or wrong', async () => {
      const hashed = Promise.withResolvers<void>();
      let looking = 0;
      const { open, client, throttle } = setUp({
        failuresPerNetwork: 5,
        authenticator: {
          async verifyPassword(user, password) {
            looking += 1;
            await hashed.promise;
            return password === 'right' ? user : undefined;
          },
        },
      });
      const right = guess(open(), client, ann, 'right');
      const wrong = guess(open(), client, ann, 'wrong');
      while (looking < 2) await new Promise(setImmediate);
      for (let i = 0; i < 5; i += 1) throttle.failed('192.0.2.1', ann);
      hashed.resolve();
      assert.equal(outcome(await right), 'blocked');
      assert.equal(outcome(await wrong), 'blocked', 'the two cannot be told apart');
    });

    it('what fails on our side is temporary, and no guess', async () => {
      const { open, client, lines } = setUp({
        authenticator: {
          verifyPassword: async () => {
            throw new Error('the store is away, says correct horse');
          },
        },
      });
      assert.equal(outcome(await guess(open(), client, ann, 'correct horse')), 'temporary');
      assert.match(lines[0]!, /the store is away, says \*\*\*/);
      assert.equal(outcome(await guess(open(), client, ann, 'right')), 'temporary', 'at once');
    });
  });

describe('Login: exchanges', () => {
  it('whoever opens many exchanges at once has no more guesses than others', async () => {
    const { open, client, asked } = setUp({ failuresPerNetwork: 1 });
    const [one, other] = [open(), open()];
    assert.equal(outcome(await one.start('PLAIN', undefined, client)), 'challenge');
    assert.equal(outcome(await other.start('PLAIN', undefined, client)), 'challenge');
    assert.equal(outcome(await one.respond(plain(ann, 'wrong'))), 'credentials');
    assert.equal(outcome(await other.respond(plain('bob@example.org', 'right'))), 'blocked');
    assert.deepEqual(asked, [ann], 'the second guess is not even looked at');
    assert.equal(outcome(await other.respond(plain(ann, 'right'))), 'malformed', 'it is over');
  });

  for (const [mechanism, initial] of [
    ['SCRAM-SHA-256', `n,,n=${ann},r=nonce`],
    ['OAUTHBEARER', `n,a=${ann},\x01auth=Bearer right\x01\x01`],
  ] as const)
    it(`guesses at one account slow ${mechanism} down too, and with the mechanism's name`, async () => {
      const asked: unknown[] = [];
      const { open, client, clock, throttle } = setUp({
        authenticator: {
          scramKeys: async (user) => {
            asked.push(user, 'SCRAM-SHA-256');
            throw new Error('no keys');
          },
          verifyToken: async (user, _token, _target, name) => {
            asked.push(user, name);
            return user;
          },
        },
      });
      for (let i = 0; i < 12; i += 1) throttle.failed(`10.0.${i}.1`, ann);
      const waiting = open().start(mechanism, Buffer.from(initial), client);
      while (clock.nextTimer() === undefined && asked.length === 0) await new Promise(setImmediate);
      await clock.advance(3_999);
      assert.deepEqual(asked, []);
      await clock.advance(1);
      await waiting;
      assert.deepEqual(asked, [ann, mechanism]);
    });

  it('tokens are not offered where nothing verifies them', async () => {
    const { open, client } = setUp();
    assert.equal(outcome(await open().start('OAUTHBEARER', undefined, client)), 'unknown');
  });

  it('one that is given up while a password is looked at comes to nothing', async () => {
    const hashed = Promise.withResolvers<void>();
    const { open, client, loggedIn } = setUp({
      authenticator: {
        async verifyPassword(user) {
          await hashed.promise;
          return user;
        },
      },
    });
    const login = open();
    const waiting = login.start('PLAIN', plain(ann, 'right'), client);
    await new Promise(setImmediate);
    login.cancel();
    hashed.resolve();
    assert.equal(outcome(await waiting), 'malformed');
    assert.equal(loggedIn.value, 0);
  });

  it('RFC 4422 §3.6: data that comes with success is a challenge with an empty response', async () => {
    const accounts = new MemoryAccountStore();
    const clock = new FakeClock();
    await addAccount(accounts, ann, 'correct horse', clock);
    const { open, client } = setUp({ authenticator: createAuthenticator({ accounts, clock }) });
    const login = open();
    const credentials = { user: ann, password: 'correct horse' };
    const sasl = chooseSaslClient(['SCRAM-SHA-256'], credentials, undefined)!;
    const first = await login.start('SCRAM-SHA-256', sasl.initial(), client);
    assert.ok(first.kind === 'challenge');
    const final = await login.respond(sasl.respond(first.bytes));
    assert.ok(final.kind === 'challenge');
    const result = await login.respond(sasl.respond(final.bytes));
    assert.deepEqual(result, { kind: 'logged-in', account: ann });
    assert.equal(outcome(await login.respond(Buffer.of())), 'malformed', 'that was one login');
  });

  it('unknown mechanisms, and those that this connection cannot have, are unknown', async () => {
    const { open, client } = setUp();
    for (const name of ['X-NONE', '__proto__', 'EXTERNAL', 'SCRAM-SHA-256'])
      assert.equal(outcome(await open().start(name, undefined, client)), 'unknown');
  });

  it('a response without an exchange, or after a cancelled one, is malformed', async () => {
    const { open, client } = setUp();
    const login = open();
    assert.equal(outcome(await login.respond(Buffer.from('x'))), 'malformed');
    await login.start('PLAIN', undefined, client);
    login.cancel();
    assert.equal(outcome(await login.respond(plain(ann, 'right'))), 'malformed');
    await login.start('PLAIN', undefined, client);
    await login.start('X-NONE', undefined, client);
    assert.equal(outcome(await login.respond(plain(ann, 'right'))), 'malformed');
    await login.start('PLAIN', undefined, client);
    await login.password(ann, 'wrong', client);
    assert.equal(outcome(await login.respond(plain(ann, 'right'))), 'malformed');
  });

  it('a response after one that failed is malformed, and no guess', async () => {
    const { open, client, asked } = setUp();
    const login = open();
    await login.start('PLAIN', undefined, client);
    assert.equal(outcome(await login.respond(plain(ann, 'wrong'))), 'credentials');
    assert.equal(outcome(await login.respond(plain(ann, 'right'))), 'malformed');
    assert.deepEqual(asked, [ann]);
  });

  // Thunderbird tries a password by PLAIN, LOGIN and the command.
  it('one wrong password by all mechanisms is one guess, where there are several', async () => {
    const mechanisms = ways.slice(0, 2);
    for (const [once, expected] of [
      [true, 2],
      [false, 1 + mechanisms.length],
    ] as const) {
      const { open, client, clock, throttle } = setUp();
      for (const [, guess] of mechanisms) {
        const guessing = guess(open(once), client, ann, 'of yesterday');
        await clock.advance(60_000);
        assert.equal(outcome(await guessing), 'credentials');
      }
      throttle.failed(client.remote.address, ann);
      const counted = throttle.check(client.remote.address);
      assert.deepEqual(counted, { kind: 'go', delayMs: 1_000 * 2 ** (expected - 1) });
    }
  });

  it('a typing error under another address of the account is forgiven too', async () => {
    const accounts = new MemoryAccountStore();
    await addAccount(accounts, ann, 'correct horse');
    await addAddress(accounts, ann, 'smith@example.org');
    const { open, client, clock, throttle } = setUp({
      authenticator: createAuthenticator({ accounts, clock: new FakeClock() }),
    });
    await open().password('smith@example.org', 'corect horse', client);
    const again = open().password('Smith@example.org', 'correct horse', client);
    await clock.advance(1_000);
    assert.equal(outcome(await again), 'logged-in');
    assert.deepEqual(throttle.check('192.0.2.1'), { kind: 'go', delayMs: 0 });
  });

  it('what was mistyped under its own name is forgiven by a login under another address', async () => {
    const accounts = new MemoryAccountStore();
    await addAccount(accounts, ann, 'correct horse');
    await addAddress(accounts, ann, 'smith@example.org');
    const { open, client, clock, throttle } = setUp({
      authenticator: createAuthenticator({ accounts, clock: new FakeClock() }),
    });
    await open().password(ann, 'corect horse', client);
    const again = open().password('smith@example.org', 'correct horse', client);
    await clock.advance(1_000);
    assert.equal(outcome(await again), 'logged-in');
    assert.deepEqual(throttle.check('192.0.2.1'), { kind: 'go', delayMs: 0 });
  });
});
