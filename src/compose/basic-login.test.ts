import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { Counter } from '../base/metrics.ts';
import { createLoginThrottle } from '../policy/accounts/login-throttle.ts';
import type { BasicLoginParts } from './basic-login.ts';
import { basicLogin } from './basic-login.ts';

describe('a login by Basic authentication', () => {
  it('is logged once an hour for each account and client, and counted and checked each time', async () => {
    const clock = new FakeClock();
    const logged: unknown[] = [];
    const ok = new Counter();
    const login = basicLogin({
      authenticator: {
        verifyPassword: async (user, password) => (password === 'right' ? user : undefined),
        mayActAs: async () => false,
      },
      admission: {
        throttle: createLoginThrottle({ clock, delay: 0 }),
        refusals: { loginFailed: () => {} },
      } as unknown as BasicLoginParts['admission'],
      metrics: { logins: { ok } } as unknown as BasicLoginParts['metrics'],
      clock,
      log: {
        ...silentLog,
        info: (event, fields) => void logged.push([event, fields?.account, fields?.client]),
      },
    });
    const as = async (user: string, client: string, password = 'right') =>
      (await login({ user, password }, client)).kind;
    const hour = 60 * 60_000;
    for (const ms of [0, 1, hour - 2, 1]) {
      await clock.advance(ms);
      assert.equal(await as('ann', '192.0.2.1'), 'logged-in');
    }
    assert.equal(await as('ann', '192.0.2.1', 'wrong'), 'refused');
    assert.equal(await as('ann', '192.0.2.2'), 'logged-in');
    assert.equal(await as('bob', '192.0.2.1'), 'logged-in');
    assert.deepEqual(logged, [
      ['logged in', 'ann', '192.0.2.1'],
      ['logged in', 'ann', '192.0.2.1'],
      ['logged in', 'ann', '192.0.2.2'],
      ['logged in', 'bob', '192.0.2.1'],
    ]);
    assert.equal(ok.value, 6);
  });
});
