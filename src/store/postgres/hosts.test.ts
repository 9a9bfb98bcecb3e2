// Several hosts in one address: read as libpq reads them, and of a primary and a standby the right one is asked, also
// when they change places.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StoreOpenError } from '../open-error.ts';
import { Hosts } from './hosts.ts';

const urlsOf = (url: string) => new Hosts(url).urls;

describe('addresses with several hosts', () => {
  it('one host is left as it is written', () => {
    for (const url of [
      ...['postgres://u:p%40@db.example.org:5433/mail?sslmode=verify-full', 'postgres:///mail'],
      ...['postgresql://u@/mail?host=%2Frun%2Fpg&port=5433', 'postgres://[2001:db8::1]:5433'],
    ]) {
      assert.deepEqual(urlsOf(url), [url]);
      assert.equal(new Hosts(url).isChosen, false);
    }
  });

  it('each host gets an address of its own', () => {
    assert.deepEqual(
      urlsOf('postgres://u:p@a,b:5433,[2001:db8::1]:5/mail?target_session_attrs=read-write&ssl=0'),
      [
        'postgres://u:p@/mail?host=a&ssl=0',
        'postgres://u:p@/mail?host=b&port=5433&ssl=0',
        'postgres://u:p@/mail?host=2001%3Adb8%3A%3A1&port=5&ssl=0',
      ],
    );
    assert.deepEqual(urlsOf('postgres://u@/mail?host=a,%2Frun%2Fpg&port=1,2'), [
      'postgres://u@/mail?host=a&port=1',
      'postgres://u@/mail?host=%2Frun%2Fpg&port=2',
    ]);
    assert.deepEqual(urlsOf('postgres:///mail?host=a,b&port=7'), [
      'postgres:///mail?host=a&port=7',
      'postgres:///mail?host=b&port=7',
    ]);
    assert.deepEqual(urlsOf('postgres://a,b'), ['postgres:///?host=a', 'postgres:///?host=b']);
  });

  it('one host is chosen, too, where the address says what it must be like', () => {
    const hosts = new Hosts('postgres://u@a/mail?target_session_attrs=primary');
    assert.deepEqual(hosts.urls, ['postgres://u@/mail?host=a']);
    assert.equal(hosts.isChosen, true);
    assert.equal(new Hosts('postgres://a,b/mail').isChosen, true);
    assert.equal(new Hosts('postgres://a/mail?target_session_attrs=any').isChosen, false);
  });

  it('what cannot be is refused, without the password', () => {
    for (const [url, why] of [
      ['postgres://u:secret@a/mail?target_session_attrs=standby', /must be read-write/],
      ['postgres://u:secret@a:x,b/mail', /a host that is none: 'a:x'/],
      ['postgres://u:secret@a,/mail', /a host that is none: ''/],
      ['postgres://u:secret@/mail?host=a,b,c&port=1,2', /3 hosts and 2 ports/],
      ['mysql://u:secret@a/mail', /no address of PostgreSQL/],
    ] as const)
      assert.throws(
        () => new Hosts(url),
        (error) =>
          error instanceof StoreOpenError &&
          why.test(error.message) &&
          !error.message.includes('secret'),
      );
  });

  it('the next one is asked when one fails, once for all who found that', () => {
    const hosts = new Hosts('postgres://a,b,c/mail');
    const [a, b, c] = hosts.urls as [string, string, string];
    hosts.failed(a);
    hosts.failed(a);
    assert.equal(hosts.current, b);
    hosts.failed(b);
    hosts.failed(c);
    assert.equal(hosts.current, a);
  });
});
