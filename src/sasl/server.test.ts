import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import type { SaslTls } from './exchange.ts';
import type { Authenticator, SaslStep } from './mechanism.ts';
import { deriveScramKeys } from './scram-keys.ts';
import { createSaslServer, offeredMechanisms } from './server.ts';

const keys = await deriveScramKeys('tanstaaftanstaaf', Buffer.from('salt'), 4096);
const users = new Map([
  ['tim', 'tanstaaftanstaaf'],
  ['Kurt', 'xipj3plmq'],
]);

const authenticator = {
  verifyPassword: async (user, password) => (users.get(user) === password ? user : undefined),
  scramKeys: async () => ({ account: 'tim', keys }),
  verifyToken: async (user, token, target) =>
    token !== 'dG9rZW4=' || (target?.host ?? 'here.example') !== 'here.example'
      ? undefined
      : user || 'tim',
  accountOfCertificate: async (names) => names.find((name) => users.has(name)),
  mayActAs: async (account, authorization) => account === authorization,
} satisfies Authenticator;

const tls: SaslTls = {
  verified: true,
  peerNames: ['tim'],
  channelBinding: () => Buffer.from('channel'),
};

const all = [
  'SCRAM-SHA-256-PLUS',
  'SCRAM-SHA-256',
  'EXTERNAL',
  'OAUTHBEARER',
  'XOAUTH2',
  'PLAIN',
  'LOGIN',
];

/** Steps until the end; undefined is "no initial response". */
async function exchange(
  mechanism: string,
  responses: readonly (string | Uint8Array | undefined)[],
  context: Partial<{ authenticator: Authenticator; tls: SaslTls }> = {},
): Promise<readonly unknown[]> {
  const server = createSaslServer(mechanism, { authenticator, tls, ...context });
  assert.ok(server !== undefined);
  const said: unknown[] = [];
  for (const response of responses) said.push(shown(await server.step(bytesOf(response))));
  return said;
}

const bytesOf = (response: string | Uint8Array | undefined) =>
  typeof response === 'string' ? Buffer.from(response) : response;

function shown(step: SaslStep): unknown {
  if (step.kind === 'challenge') return Buffer.from(step.bytes).toString();
  return step.kind === 'success' ? { account: step.account } : step.reason;
}

const tim = { account: 'tim' };

describe('SASL server', () => {
  it('nothing in the place of a response ends the exchange', async () => {
    for (const mechanism of ['SCRAM-SHA-256', 'LOGIN', 'PLAIN', 'XOAUTH2']) {
      const said = await exchange(mechanism, [undefined, undefined]);
      assert.equal(said[1], 'malformed', mechanism);
    }
  });

  it('RFC 4954 §4: a response has at most 12288 octets', async () => {
    const server = () => createSaslServer('XOAUTH2', { authenticator, tls })!;
    const frame = 'user=tim\x01auth=Bearer \x01\x01';
    const step = async (size: number) => {
      const token = 'x'.repeat(size - frame.length);
      return server().step(Buffer.from(frame.replace(' \x01', ` ${token}\x01`)));
    };
    assert.equal((await step(12288)).kind, 'challenge');
    const { kind, ...rest } = await step(12289);
    assert.deepEqual([kind, (rest as { reason?: string }).reason], ['failure', 'malformed']);
  });

  for (const [title, mechanism, responses, expected] of [
    ['RFC 4616 §4: first example', 'PLAIN', [undefined, '\0tim\0tanstaaftanstaaf'], ['', tim]],
    ['RFC 4616 §4: second example', 'PLAIN', ['Ursel\0Kurt\0xipj3plmq'], ['credentials']],
    ['RFC 4616 §2: acting as oneself', 'PLAIN', ['tim\0tim\0tanstaaftanstaaf'], [tim]],
    ['RFC 4616 §2: a wrong password', 'PLAIN', ['\0tim\0x'], ['credentials']],
    ['RFC 4616 §2: no password', 'PLAIN', ['\0tim\0'], ['malformed']],
    ['RFC 4616 §2: no user', 'PLAIN', ['\0\0x'], ['malformed']],
    ['RFC 4616 §2: four parts', 'PLAIN', ['\0tim\0x\0'], ['malformed']],
    ['RFC 4616 §2: one part', 'PLAIN', ['tim'], ['malformed']],
    ['RFC 4616 §2: nothing', 'PLAIN', [''], ['malformed']],
    ['RFC 4616 §2: not UTF-8', 'PLAIN', [Buffer.of(0, 0xff, 0, 0xff)], ['malformed']],
    ['over-long', 'PLAIN', [`\0tim\0${'x'.repeat(4000)}`], ['malformed']],
    ['a step after the end', 'PLAIN', ['\0tim\0x', '\0tim\0x'], ['credentials', 'malformed']],
    ['lower case', 'plain', ['\0tim\0tanstaaftanstaaf'], [tim]],
    [
      'prompts as clients expect them',
      'LOGIN',
      [undefined, 'tim', 'tanstaaftanstaaf'],
      ['Username:', 'Password:', tim],
    ],
    ['user name as initial response', 'LOGIN', ['tim', 'tanstaaftanstaaf'], ['Password:', tim]],
    ['wrong password', 'LOGIN', ['tim', 'x'], ['Password:', 'credentials']],
    ['no user', 'LOGIN', [''], ['malformed']],
    ['no password', 'LOGIN', ['tim', ''], ['Password:', 'malformed']],
    ['RFC 4422 A: nobody else', 'EXTERNAL', [undefined, ''], ['', tim]],
    ['RFC 4422 A: as oneself', 'EXTERNAL', ['tim'], [tim]],
    ['RFC 4422 A: as another', 'EXTERNAL', ['Kurt'], ['credentials']],
    ['RFC 4422 A.1: NUL', 'EXTERNAL', ['tim\0'], ['malformed']],
    [
      'RFC 7628 §3.1: a good token',
      'OAUTHBEARER',
      ['n,a=tim,\x01host=here.example\x01port=143\x01auth=Bearer dG9rZW4=\x01\x01'],
      [tim],
    ],
    [
      'RFC 7628 §3.1: a good token for another host, refused by the verifier',
      'OAUTHBEARER',
      ['n,a=tim,\x01host=other.example\x01auth=Bearer dG9rZW4=\x01\x01', '\x01'],
      ['{"status":"invalid_token"}', 'credentials'],
    ],
    ...['port=0', 'port=65536', 'port=x', 'host=a b', 'host='].map(
      (pair): [string, string, string[], string[]] => [
        `RFC 7628 §3.1: ${pair}`,
        'OAUTHBEARER',
        [`n,a=tim,\x01${pair}\x01auth=Bearer dG9rZW4=\x01\x01`],
        ['malformed'],
      ],
    ),
    ['RFC 7628 §3.1: no name', 'OAUTHBEARER', ['n,,\x01auth=bearer dG9rZW4=\x01\x01'], [tim]],
    [
      'RFC 7628 §3.2.3: an error, the dummy response, and the end',
      'OAUTHBEARER',
      ['n,a=tim,\x01auth=Bearer nonsense\x01\x01', '\x01'],
      ['{"status":"invalid_token"}', 'credentials'],
    ],
    [
      'RFC 7628 §4.3: no token',
      'OAUTHBEARER',
      ['n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=\x01\x01', '\x01'],
      ['{"status":"invalid_token"}', 'credentials'],
    ],
    ['RFC 7628 §3.1: only ^A', 'OAUTHBEARER', ['\x01'], ['malformed']],
    ['RFC 7628 §3.1: cut short', 'OAUTHBEARER', ['n,,\x01auth=Bearer x\x01'], ['malformed']],
    ['RFC 7628 §3.1: bound to a channel', 'OAUTHBEARER', ['p=x,,\x01\x01'], ['malformed']],
    ['XOAUTH2', 'XOAUTH2', ['user=tim\x01auth=Bearer dG9rZW4=\x01\x01'], [tim]],
    [
      'XOAUTH2 refused',
      'XOAUTH2',
      ['user=tim\x01auth=Bearer x\x01\x01', ''],
      ['{"status":"401","schemes":"bearer"}', 'credentials'],
    ],
    ['XOAUTH2 malformed', 'XOAUTH2', ['user=tim'], ['malformed']],
  ] as const)
    it(`${mechanism}: ${title}`, async () => {
      assert.deepEqual(await exchange(mechanism, responses), expected);
    });

  it('a failure of ours is temporary, and its cause is there for the log', async () => {
    const cause = new Error('database is locked');
    const failing = { ...authenticator, verifyPassword: () => Promise.reject(cause) };
    const server = createSaslServer('PLAIN', { authenticator: failing, tls });
    const step = await server?.step(Buffer.from('\0tim\0x'));
    assert.deepEqual(step, { kind: 'failure', reason: 'temporary', cause });
  });

  it('names the user who failed', async () => {
    const server = createSaslServer('PLAIN', { authenticator, tls });
    const step = await server?.step(Buffer.from('\0tim\0x'));
    assert.deepEqual(step, { kind: 'failure', reason: 'credentials', user: 'tim' });
  });
});

describe('offered mechanisms', () => {
  const passwordsOnly = {
    verifyPassword: authenticator.verifyPassword,
    mayActAs: authenticator.mayActAs,
  };
  const insecureAuth = false;
  const without = (...names: string[]) => all.filter((name) => !names.includes(name));
  for (const [title, facts, expected] of [
    ['all, the strongest first', { authenticator, tls, insecureAuth }, all],
    [
      'RFC 9266 §3: no -PLUS without a channel binding',
      { authenticator, tls: { verified: true, peerNames: [] }, insecureAuth },
      without('SCRAM-SHA-256-PLUS'),
    ],
    [
      'no -PLUS where it is switched off: what GNU SASL chooses, Mutt cannot do',
      { authenticator: { ...authenticator, channelBinding: false }, tls, insecureAuth },
      without('SCRAM-SHA-256-PLUS'),
    ],
    [
      'no EXTERNAL without a good certificate',
      { authenticator, tls: { ...tls, verified: false }, insecureAuth },
      without('EXTERNAL'),
    ],
    ['passwords only', { authenticator: passwordsOnly, tls, insecureAuth }, ['PLAIN', 'LOGIN']],
    ['RFC 4954 §4: nothing in the clear', { authenticator, tls: undefined, insecureAuth }, []],
    [
      'in the clear where that is allowed',
      { authenticator, tls: undefined, insecureAuth: true },
      without('SCRAM-SHA-256-PLUS', 'EXTERNAL'),
    ],
  ] as const)
    it(title, () => {
      assert.deepEqual(offeredMechanisms(facts), expected);
      for (const name of all) {
        const { authenticator, tls } = facts;
        const isThere = createSaslServer(name, { authenticator, tls }) !== undefined;
        if (facts.tls !== undefined)
          assert.equal(isThere, (expected as readonly string[]).includes(name), name);
      }
    });

  it('knows no mechanism that the peer makes up', () => {
    for (const name of ['', 'ANONYMOUS', '__proto__', 'constructor', 'PLAIN '])
      assert.equal(createSaslServer(name, { authenticator, tls }), undefined);
  });
});

describe('any octets', () => {
  const pieces = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .constantFrom(
        'n,,n=tim,r=abc',
        'c=biws,r=abc',
        ',p=',
        '\0tim\0',
        'y,a=x,',
        '=',
        '\x01',
        '\x01\x01',
      )
      .map((text) => Uint8Array.from(Buffer.from(text))),
    fc
      .constantFrom('p=tls-exporter,,n=tim,r=x', 'user=', 'auth=Bearer ', 'm=x,')
      .map((text) => Uint8Array.from(Buffer.from(text))),
  );
  const response = fc
    .array(pieces, { maxLength: 5 })
    .map((parts) => Uint8Array.from(Buffer.concat(parts)));
  const responses = fc.array(response, { minLength: 1, maxLength: 4 });

  it('never throw, and never log anybody in', async () => {
    const suspicious: Authenticator = {
      ...authenticator,
      verifyPassword: async () => undefined,
      verifyToken: async () => undefined,
      accountOfCertificate: async () => undefined,
    };
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...all),
        fc.boolean(),
        responses,
        async (name, first, sent) => {
          const server = createSaslServer(name, { authenticator: suspicious, tls });
          for (const bytes of first ? sent : [undefined, ...sent]) {
            const step = await server!.step(bytes);
            assert.notEqual(step.kind, 'success');
            assert.ok(step.kind !== 'failure' || step.reason !== 'temporary');
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
