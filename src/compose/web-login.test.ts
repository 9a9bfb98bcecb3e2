import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../base/fake-clock.ts';
import { silentLog } from '../base/log.ts';
import { Counter } from '../base/metrics.ts';
import { devConfig } from '../config/dev.ts';
import { openInMemory } from '../store/sqlite/test-stores.ts';
import { createWebApp } from '../web/web-app.ts';
import { createWebLogin, isForAll, type WebLoginParts } from './web-login.ts';

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
      const answers = { '2xx': counter, '3xx': counter, '4xx': counter, '5xx': counter };
      const app = createWebApp({ paths, answers, log: silentLog });
      const url = 'http://127.0.0.1/postrider/session';
      const answer = await app.request(url, {}, { address, secure: false });
      const told = (await answer.json()) as { who: unknown; smtpPort?: number };
      assert.deepEqual([told.who, told.smtpPort], [who, smtpPort]);
    }
  });
});
