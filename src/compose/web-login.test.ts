import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { devConfig } from '../config/dev.ts';
import { isForAll } from './web-login.ts';

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
});
