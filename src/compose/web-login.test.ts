import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { Counter } from '../base/metrics.ts';
import { devConfig } from '../config/dev.ts';
import { addAccount } from '../policy/accounts/account-changes.ts';
import { createLoginThrottle } from '../policy/accounts/login-throttle.ts';
import '../policy/accounts/test-hashing.ts';
import { addAdministrator, findAdministrator } from '../policy/administration/administrators.ts';
import { openInMemory } from '../store/sqlite/test-stores.ts';
import { createWebApp } from '../web/web-app.ts';
import {
  createWebLogin,
  isForAll,
  passkeyStore,
  type WebLogin,
  type WebLoginParts,
} from './web-login.ts';

function appOf(paths: WebLogin['paths']) {
  const counter = new Counter();
  const answers = { '2xx': counter, '3xx': counter, '4xx': counter, '5xx': counter };
  return createWebApp({ paths, answers, log: silentLog });
}

describe('who sees what `dev` has caught without a login', () => {
  it('this machine; the network where it is let in; not where inboxes have passwords', () => {
    const inboxes = new Map([['shop', 'secret']]);
    for (const [host, catcher, expected] of [
      ['127.0.0.1', {}, false],
      ['0.0.0.0', {}, true],
      ['0.0.0.0', { inboxes }, false],
    ] as const)
      assert.equal(
        isForAll(devConfig('/tmp', { host, catcher })),
        expected,
        `${host} ${inboxes.size}`,
      );
    const { listeners, ...others } = devConfig('/tmp', { host: '0.0.0.0', catcher: {} });
    const http = (host: string) => ({ ...listeners[0]!, service: 'http' as const, hosts: [host] });
    const smtp = { ...listeners[0]!, service: 'smtp' as const, hosts: ['0.0.0.0'] };
    assert.equal(isForAll({ ...others, listeners: [smtp, http('::1')] }), false);
    assert.equal(isForAll({ ...others, listeners: [smtp, http('::1'), http('::')] }), true);
  });

  it('nobody has to log in on this machine, and where to send mail is said; others do, and are not told', async () => {
    await using test = await openInMemory();
    const dev = devConfig('/tmp', { host: '127.0.0.1', catcher: {} });
    const smtp = dev.listeners.find(({ service }) => service === 'smtp')!;
    const counter = new Counter();
    for (const [config, address, who, smtpPort] of [
      [dev, '127.0.0.1', { kind: 'dev' }, smtp.port],
      [dev, '192.0.2.1', null, smtp.port],
      [{ ...dev, listeners: [] }, '127.0.0.1', { kind: 'dev' }, undefined],
      [{ ...dev, dev: false }, '127.0.0.1', null, undefined],
    ] as const) {
      const { paths } = createWebLogin({
        ...{ stores: test.stores, clock: new FakeClock(), log: silentLog, loggedIn: counter },
        inForce: () => ({ config }),
        ...{ admission: {}, audit: {} },
      } as unknown as WebLoginParts);
      const app = appOf(paths);
      const url = 'http://127.0.0.1/postrider/session';
      const answer = await app.request(url, {}, { address, secure: false });
      const told = (await answer.json()) as { who: unknown; smtpPort?: number };
      assert.deepEqual([told.who, told.smtpPort], [who, smtpPort]);
    }
  });
});

const password = 'correct horse battery';

describe('who logs in to the console', () => {
  it('has a session, on record; not whose account has gone since the password was right', async () => {
    await using test = await openInMemory();
    const { clock, stores } = test;
    await addAccount(stores.accounts, 'ann@example.org', password);
    const noted: object[] = [];
    let [goes, isGone] = [false, false];
    const accounts = new Proxy(stores.accounts, {
      get: (store, key) =>
        key === 'find' && isGone
          ? async () => undefined
          : (Reflect.get(store, key) as () => unknown).bind(store),
    });
    const { paths } = createWebLogin({
      ...{ clock, log: silentLog, stores: { ...stores, accounts } },
      // The password was right.
      loggedIn: {
        add() {
          isGone = goes;
        },
      },
      inForce: () => ({
        config: { ...devConfig('/tmp', { host: '127.0.0.1', catcher: {} }), dev: false },
      }),
      admission: {
        throttle: createLoginThrottle({ clock, delay: 0, failuresPerNetwork: 5 }),
        refusals: { loginFailed() {} },
      },
      audit: { note: (entry: object) => noted.push(entry) },
    } as unknown as WebLoginParts);
    const app = appOf(paths);
    const logIn = () =>
      app.request(
        'http://127.0.0.1/postrider/session',
        {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'user-agent': 'Firefox' },
          body: JSON.stringify({ name: 'ann@example.org', password }),
        },
        { address: '192.0.2.1', secure: false },
      );
    const first = await logIn();
    assert.deepEqual(
      [first.status, await first.json()],
      [200, { who: { kind: 'account', address: 'ann@example.org' } }],
    );
    assert.deepEqual(noted, [
      {
        who: 'account ann@example.org',
        client: '192.0.2.1',
        what: 'login',
        input: { program: 'Firefox' },
        outcome: 'done',
      },
    ]);
    goes = true;
    const second = await logIn();
    assert.deepEqual([isGone, second.status], [true, 401]);
    assert.equal(second.headers.get('set-cookie'), null);
    assert.equal(noted.length, 1);
  });

  it('has passkeys, each on record, refused ones too', async () => {
    await using test = await openInMemory();
    const { clock, stores } = test;
    await addAdministrator({ ...stores, clock }, { name: 'ann', password, allows: ['all'] });
    const noted: object[] = [];
    const audit = {
      note: (entry: object) => noted.push(entry),
    } as unknown as WebLoginParts['audit'];
    const keys = passkeyStore({ stores: stores as WebLoginParts['stores'], clock, audit });
    const passkey = { name: 'phone', id: 'AA', publicKey: 'AA', counter: 0, transports: [] };
    await keys.add('ann', passkey, '192.0.2.1');
    assert.equal((await findAdministrator(stores, 'ann'))?.passkeys[0]?.name, 'phone');
    await assert.rejects(keys.add('ann', passkey, '192.0.2.1'), { status: 400 });
    const entry = {
      ...{ who: 'administrator ann', client: '192.0.2.1', what: 'passkeyAdd' },
      input: { name: 'ann', passkey: 'phone' },
    };
    assert.deepEqual(noted, [
      { ...entry, outcome: 'done' },
      { ...entry, outcome: 'this passkey is known here already' },
    ]);
  });
});
