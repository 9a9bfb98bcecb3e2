import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { MemoryPeer } from '../net/memory-peer.ts';
import type { Login, LoginClient, LoginResult } from '../policy/accounts/login.ts';
import type { ClientFacts } from '../policy/envelope.ts';
import { PresentClient } from './present-client.ts';
import type { IntroducedClient } from './told-client.ts';

const tls = { protocol: 'TLSv1.3', cipher: 'X', verified: false, peerNames: [] } as const;
const ann = 'ann@example.org';
const loggedIn: LoginResult = { kind: 'logged-in', account: ann };

function open({ onLeave }: { readonly onLeave?: () => () => void } = {}) {
  const peer = Object.assign(new MemoryPeer(), {
    hasInput: () => true,
    ...(onLeave && { onLeave }),
  });
  const told: { client?: LoginClient; facts?: () => ClientFacts; cancelled: number } = {
    cancelled: 0,
  };
  let result = loggedIn;
  const login = {
    async start(_mechanism: string, _initial: unknown, client: LoginClient) {
      told.client = client;
      return result;
    },
    respond: async () => result,
    cancel: () => {
      told.cancelled += 1;
    },
  } as unknown as Login;
  const client = new PresentClient({
    ...{ service: 'submission', session: 's1', peer, log: silentLog },
    isTrusted: (address) => address.startsWith('10.'),
    login: (_log, facts) => {
      told.facts = facts;
      return login;
    },
  });
  const say = (next: LoginResult) => {
    result = next;
  };
  return { client, peer, told, say };
}

const other: IntroducedClient = {
  remote: { address: '10.0.0.1', port: 1 },
  local: { address: '10.0.0.2', port: 2 },
  ...{ hello: 'inner.test', introduced: 'EHLO', account: undefined },
};

describe('the client that is present', () => {
  it('is a stranger at first', () => {
    const { client } = open();
    const { remote, local, hasSpoken } = client.facts;
    assert.deepEqual([remote.address, local.address], ['198.51.100.7', '192.0.2.1']);
    assert.equal(hasSpoken, true);
    assert.deepEqual(
      { ...client.facts },
      {
        ...{ session: 's1', service: 'submission', remote, hello: '', tls: undefined },
        ...{ account: undefined, mechanism: undefined, trusted: false },
      },
    );
    assert.deepEqual([client.extended, client.isEncrypted, client.mayRelay], [false, false, false]);
  });

  it('is called what it calls itself, and reached at our address where that is meant', () => {
    const { client } = open();
    client.introduced('c.test', true);
    assert.deepEqual(
      [client.hello, client.facts.hello, client.extended],
      ['c.test', 'c.test', true],
    );
    assert.equal(client.ourAddress({ local: 'postmaster', domain: '[192.0.2.1]' }), '192.0.2.1');
    assert.equal(client.ourAddress({ local: 'postmaster', domain: 'example.org' }), undefined);
  });

  it('may relay once it has logged in, and has a mechanism only then', async () => {
    const { client, told, say } = open();
    say({ kind: 'refused', reason: 'credentials' });
    await client.startLogin('PLAIN', undefined);
    assert.deepEqual(
      [client.account, client.facts.mechanism, client.mayRelay],
      [undefined, undefined, false],
    );
    say({ kind: 'challenge', bytes: new Uint8Array() });
    await client.startLogin('LOGIN', undefined);
    assert.equal(client.account, undefined);
    say(loggedIn);
    await client.respondLogin(undefined);
    assert.deepEqual(
      [client.account, client.facts.mechanism, client.mayRelay],
      [ann, 'LOGIN', true],
    );
    assert.equal(told.facts!().account, ann, 'a login looks at the client as it is');
  });

  it('a login knows its addresses and its TLS, and hears when it leaves where that can be known', async () => {
    let asked = 0;
    const onLeave = () => {
      asked += 1;
      return () => {};
    };
    const leaving = open({ onLeave });
    await leaving.client.startLogin('PLAIN', undefined);
    assert.equal(leaving.told.client?.remote.address, '198.51.100.7');
    leaving.told.client?.onLeave?.(() => {});
    assert.equal(asked, 1);
    const { client, told } = open();
    client.secured(new MemoryPeer({ tls }));
    await client.startLogin('PLAIN', undefined);
    assert.deepEqual([told.client?.tls, told.client?.onLeave], [tls, undefined]);
  });

  it('answers no exchange that it did not begin', () => {
    const { client } = open();
    assert.throws(() => client.respondLogin(undefined), { name: 'AssertionError' });
  });

  it('RFC 3207 §4.2: is forgotten when TLS is up, with the login that is under way', async () => {
    const { client, told } = open();
    client.introduced('c.test', true);
    await client.startLogin('PLAIN', undefined);
    client.secured(new MemoryPeer({ tls, remote: { address: '198.51.100.7', port: 7 } }));
    const { hello, account, tls: known, remote } = client.facts;
    assert.deepEqual([hello, account, known, remote.port], ['', undefined, tls, 7]);
    assert.deepEqual([client.isEncrypted, client.mayRelay, told.cancelled], [true, false, 1]);
  });

  it('is somebody else when a proxy has told so: its login and its trust are gone', async () => {
    const { client, told } = open();
    client.introduced('proxy.test', true);
    await client.startLogin('PLAIN', undefined);
    client.told({ ...other, introduced: 'HELO' });
    const { remote, local, hello, account, trusted } = client.facts;
    assert.deepEqual([remote, local, hello], [other.remote, other.local, 'inner.test']);
    assert.deepEqual([account, trusted, told.cancelled], [undefined, true, 1]);
    assert.deepEqual([client.extended, client.mayRelay, client.trusted], [false, true, true]);
    client.told({ ...other, remote: { address: '192.0.2.9', port: 1 }, account: ann });
    assert.deepEqual([client.extended, client.trusted, client.mayRelay], [true, false, true]);
    assert.equal(client.facts.account, ann);
    assert.equal(client.facts.mechanism, undefined, 'it has logged in elsewhere');
  });

  it('… and stays that under TLS', () => {
    const { client } = open();
    client.told(other);
    client.secured(new MemoryPeer({ tls }));
    assert.deepEqual([client.ends.remote, client.facts.remote], [other.remote, other.remote]);
    assert.equal(client.trusted, true);
  });
});
