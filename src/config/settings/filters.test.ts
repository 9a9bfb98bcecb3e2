import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resolveConfig } from '../resolve.ts';

function read(...filters: readonly object[]) {
  const resolution = resolveConfig({ filters }, '/etc/postrider');
  if (resolution.kind === 'ok') return resolution.config.filters;
  return resolution.problems.map(({ path, message }) => `${path}: ${message}`);
}

const placeOf = (milter: string) => {
  const [filter] = read({ milter });
  return typeof filter === 'object' && 'place' in filter ? filter.place : filter;
};

describe('filters', () => {
  it('are where Postfix and Sendmail say that they are', () => {
    const here = { address: '127.0.0.1', port: 8891 };
    assert.deepEqual(placeOf('inet:127.0.0.1:8891'), here);
    assert.deepEqual(placeOf('inet:8891@127.0.0.1'), here);
    assert.deepEqual(placeOf('127.0.0.1:8891'), here);
    assert.deepEqual(placeOf('inet6:8891@::1'), { address: '::1', port: 8891 });
    assert.deepEqual(placeOf('inet:[::1]:8891'), { address: '::1', port: 8891 });
    assert.deepEqual(placeOf('unix:/run/x'), { path: '/run/x' });
    assert.deepEqual(placeOf('run/x'), { path: '/etc/postrider/run/x' });
    for (const bad of ['inet:8891', 'inet:host:0', 'inet:a b:1', 'x'])
      assert.match(String(placeOf(bad)), /^filters\[0\]\.milter: must be 'inet:host:port'/, bad);
  });

  it('keep their order, and are named by where they are', () => {
    const filters = read({ clamd: '/run/c' }, { rspamd: 'http://[::1]:11333', name: 'r' });
    assert.deepEqual(
      filters.map((one) => typeof one === 'object' && [one.kind, one.name, one.onFailure]),
      [
        ['clamd', '/run/c', 'tempfail'],
        ['rspamd', 'r', 'tempfail'],
      ],
    );
  });

  it('are one thing each', () => {
    assert.deepEqual(read({}), [
      'filters[0]: must have exactly one of `milter`, `rspamd` and `clamd`',
    ]);
    assert.match(String(read({ milter: '/m', clamd: '/c' })), /exactly one/);
    assert.match(String(read({ rspamd: 'ftp://x' })), /^filters\[0\]\.rspamd: must be a URL/);
    assert.match(String(read({ clamd: '/c', passwordFile: 'f' })), /is for `rspamd`/);
  });
});
