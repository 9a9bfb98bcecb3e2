import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fc } from '../base/test-properties.ts';
import { chooseSaslClient } from './client.ts';
import type { ChannelBindingType, SaslTls } from './exchange.ts';
import type { Authenticator, SaslClient, SaslServer, SaslStep } from './mechanism.ts';
import { scramClient } from './scram-client.ts';
import { clientKeyOf, deriveScramKeys, hmac, saltedPasswordOf, xor } from './scram-keys.ts';
import { createSaslServer } from './server.ts';

// RFC 7677 §3: the example.
const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
const clientNonce = 'rOprNGfwEbeRWgbNEkqO';
const serverNonce = '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
const clientFirst = `n,,n=user,r=${clientNonce}`;
const serverFirst = `r=${clientNonce}${serverNonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
const clientFinal = `c=biws,r=${clientNonce}${serverNonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;
const serverFinal = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';

const keys = await deriveScramKeys('pencil', salt, 4096);
const other = await deriveScramKeys('other', salt, 4096);
const accounts = new Map([
  ['user', 'user'],
  ['a=b,c', 'equal'],
]);
const authenticator: Authenticator = {
  verifyPassword: async () => undefined,
  scramKeys: async (user) => ({ account: accounts.get(user), keys }),
  mayActAs: async (account, authorization) => account === authorization,
};

const channel = (exporter: string | undefined, endPoint?: string): SaslTls => ({
  verified: false,
  peerNames: [],
  channelBinding: (type: ChannelBindingType) => {
    const text = type === 'tls-exporter' ? exporter : endPoint;
    return text === undefined ? undefined : Buffer.from(text);
  },
});
const tls13 = channel('exporter', 'end-point');

const open = (mechanism: string, tls: SaslTls | undefined, channelBinding = true): SaslServer => {
  const server = createSaslServer(mechanism, {
    authenticator: { ...authenticator, channelBinding },
    ...{ tls, nonce: () => serverNonce },
  });
  assert.ok(server !== undefined);
  return server;
};

async function play(server: SaslServer, ...responses: string[]): Promise<readonly string[]> {
  const said: string[] = [];
  for (const response of responses) said.push(shown(await server.step(Buffer.from(response))));
  return said;
}

function shown(step: SaslStep): string {
  if (step.kind === 'challenge') return Buffer.from(step.bytes).toString();
  if (step.kind === 'failure') return step.reason;
  return `${step.account} ${Buffer.from(step.final ?? []).toString()}`;
}

/** The client against the server, to the end. */
async function couple(client: SaslClient, server: SaslServer): Promise<SaslStep> {
  let response = client.initial();
  for (let round = 0; round < 5; round += 1) {
    const step = await server.step(response);
    if (step.kind === 'success') {
      if (step.final !== undefined) client.respond(step.final);
      client.succeeded?.();
    }
    if (step.kind !== 'challenge') return step;
    response = client.respond(step.bytes);
  }
  assert.fail('no end');
}

describe('SCRAM-SHA-256 server', () => {
  it('RFC 7677 §3: the example', async () => {
    assert.deepEqual(await play(open('SCRAM-SHA-256', undefined), clientFirst, clientFinal), [
      serverFirst,
      `user ${serverFinal}`,
    ]);
  });

  const wrongProof = clientFinal.replace('p=dHzb', 'p=aHzb');
  for (const [title, first, final, expected] of [
    ['a wrong proof', clientFirst, wrongProof, 'credentials'],
    [
      'an unknown user, even with a right proof',
      `n,,n=nobody,r=${clientNonce}`,
      clientFinal,
      'credentials',
    ],
    [
      'RFC 5802 §5.1: another nonce',
      clientFirst,
      clientFinal.replace('$k0,p', '$k1,p'),
      'credentials',
    ],
    [
      'RFC 5802 §5.1: another GS2 header',
      clientFirst,
      clientFinal.replace('biws', 'eSws'),
      'credentials',
    ],
    ['RFC 5802 §5: no proof', clientFirst, clientFinal.replace(/,p=.*/, ''), 'malformed'],
    ['a short proof', clientFirst, clientFinal.replace(/,p=.*/, ',p=AAAA'), 'malformed'],
    ['bad base64', clientFirst, clientFinal.replace('c=biws', 'c=b*ws'), 'malformed'],
    ['nothing', clientFirst, '', 'malformed'],
  ] as const)
    it(`refuses ${title}`, async () => {
      const [, outcome] = await play(open('SCRAM-SHA-256', undefined), first, final);
      assert.equal(outcome, expected);
    });

  for (const [title, first] of [
    ['RFC 5802 §5.1: a mandatory extension', `n,,m=x,n=user,r=${clientNonce}`],
    ['RFC 5802 §5.1: "=" in a name that is neither =2C nor =3D', `n,,n=us=er,r=${clientNonce}`],
    ['a comma in the nonce', 'n,,n=user,r=a,b'],
    ['no nonce', 'n,,n=user,r='],
    ['no GS2 header', `n=user,r=${clientNonce}`],
    ['NUL', `n,,n=us\0er,r=${clientNonce}`],
    ['a nonce without end', `n,,n=user,r=${'x'.repeat(300)}`],
  ] as const)
    it(`cannot read ${title}`, async () => {
      assert.deepEqual(await play(open('SCRAM-SHA-256', undefined), first), ['malformed']);
    });

  it('RFC 5802 §5.1: refuses another nonce than ours, even with a proof that fits it', async () => {
    const withoutProof = `c=biws,r=${clientNonce}${serverNonce}x`;
    const authMessage = `${clientFirst.slice(3)},${serverFirst},${withoutProof}`;
    const clientKey = clientKeyOf(saltedPasswordOf('pencil', salt, 4096));
    const proof = xor(clientKey, hmac(keys.storedKey, authMessage)).toString('base64');
    const final = `${withoutProof},p=${proof}`;
    const [, outcome] = await play(open('SCRAM-SHA-256', undefined), clientFirst, final);
    assert.equal(outcome, 'credentials');
  });

  it('RFC 5802 §5.1: ignores extensions it does not know', async () => {
    const [first] = await play(open('SCRAM-SHA-256', undefined), `${clientFirst},x=y,z=1,2=`);
    assert.equal(first, 'malformed'); // "2=" is no extension
    const [second] = await play(open('SCRAM-SHA-256', undefined), `${clientFirst},x=y,z=1`);
    assert.equal(second, serverFirst);
  });
});

describe('RFC 5802 §6: channel binding', () => {
  const first = (flag: string) => `${flag},,n=user,r=${clientNonce}`;
  for (const [title, mechanism, flag, tls] of [
    ['"y" where -PLUS was offered: somebody took it away', 'SCRAM-SHA-256', 'y', tls13],
    ['"p" without -PLUS', 'SCRAM-SHA-256', 'p=tls-exporter', tls13],
    ['-PLUS with "n"', 'SCRAM-SHA-256-PLUS', 'n', tls13],
    ['-PLUS with "y"', 'SCRAM-SHA-256-PLUS', 'y', tls13],
    ['a binding we do not have', 'SCRAM-SHA-256-PLUS', 'p=tls-unique', tls13],
    ['a made-up binding', 'SCRAM-SHA-256-PLUS', 'p=constructor', tls13],
  ] as const)
    it(`refuses ${title}`, async () => {
      assert.deepEqual(await play(open(mechanism, tls), first(flag)), ['credentials']);
    });

  it('takes "y" where -PLUS was not offered', async () => {
    for (const server of [
      open('SCRAM-SHA-256', channel(undefined)),
      open('SCRAM-SHA-256', tls13, false),
    ])
      assert.deepEqual(await play(server, first('y')), [serverFirst]);
  });

  for (const type of ['tls-exporter', 'tls-server-end-point'] as const) {
    const bind = (bytes: string) =>
      scramClient({
        user: 'user',
        password: 'pencil',
        binding: { type, bytes: Buffer.from(bytes) },
      });
    it(`${type}: logs in over the same channel, and not over another`, async () => {
      const right = type === 'tls-exporter' ? 'exporter' : 'end-point';
      const step = await couple(bind(right), open('SCRAM-SHA-256-PLUS', tls13));
      assert.equal(step.kind, 'success');
      const other = await couple(bind('another channel'), open('SCRAM-SHA-256-PLUS', tls13));
      assert.equal(other.kind, 'failure');
    });
  }
});

describe('SCRAM-SHA-256 client', () => {
  const start = () => scramClient({ user: 'user', password: 'pencil', nonce: clientNonce });
  const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();

  it('RFC 7677 §3: the example', () => {
    const client = start();
    assert.equal(text(client.initial()), clientFirst);
    assert.equal(text(client.respond(Buffer.from(serverFirst))), clientFinal);
    assert.throws(() => client.succeeded?.(), /has not shown/);
    assert.equal(text(client.respond(Buffer.from(serverFinal))), '');
    client.succeeded?.();
  });

  it('RFC 5802 §5: does not believe a server that does not know the password', () => {
    for (const final of [serverFinal.replace('v=6', 'v=7'), 'e=invalid-proof', '', 'v=']) {
      const client = start();
      client.respond(Buffer.from(serverFirst));
      assert.throws(() => client.respond(Buffer.from(final)), /SCRAM: the server/);
      assert.throws(() => client.succeeded?.());
    }
  });

  for (const [title, message] of [
    ['RFC 5802 §5.1: a nonce that is not ours', serverFirst.replace('r=rO', 'r=xO')],
    ['RFC 5802 §5.1: our nonce with nothing added', `r=${clientNonce},s=QUJD,i=4096`],
    ['RFC 7677 §4: too few iterations', serverFirst.replace('i=4096', 'i=4095')],
    ['iterations without end', serverFirst.replace('i=4096', 'i=600001')],
    ['no number', serverFirst.replace('i=4096', 'i=x')],
    ['a mandatory extension', `m=x,${serverFirst}`],
    ['nothing', ''],
  ] as const)
    it(`gives up on ${title}`, () => {
      assert.throws(() => start().respond(Buffer.from(message)), /^Error: SCRAM: the server/);
    });

  it('any octets: an answer or an Error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        assert.throws(() => start().respond(bytes), /^Error: SCRAM/);
      }),
    );
  });
});

describe('several passwords', () => {
  it('any of them logs in, since they share a salt', async () => {
    const several: Authenticator = {
      ...authenticator,
      scramKeys: async () => ({ account: 'user', keys: other, others: [keys] }),
    };
    for (const [password, kind] of [
      ['pencil', 'success'],
      ['other', 'success'],
      ['neither', 'failure'],
    ] as const) {
      const server = createSaslServer('SCRAM-SHA-256', { authenticator: several, tls: undefined })!;
      assert.equal((await couple(scramClient({ user: 'user', password }), server)).kind, kind);
    }
  });
});

describe('client choice', () => {
  const offered = [
    'LOGIN',
    'PLAIN',
    'XOAUTH2',
    'OAUTHBEARER',
    'SCRAM-SHA-256',
    'SCRAM-SHA-256-PLUS',
  ];
  const without = (...names: string[]) => offered.filter((name) => !names.includes(name));
  const noBinding = channel(undefined);
  const password = { user: 'user', password: 'pencil' };
  const token = { user: 'user', token: 'dG9rZW4=' };
  for (const [title, names, credentials, tls, expected] of [
    ['the strongest', offered, password, tls13, 'SCRAM-SHA-256-PLUS'],
    ['TLS 1.2 has one binding', offered, password, channel(undefined, 'x'), 'SCRAM-SHA-256-PLUS'],
    ['no binding', offered, password, noBinding, 'SCRAM-SHA-256'],
    ['no SCRAM', ['login', 'plain'], password, tls13, 'PLAIN'],
    ['LOGIN last', ['LOGIN'], password, tls13, 'LOGIN'],
    ['SCRAM in the clear', offered, password, undefined, 'SCRAM-SHA-256'],
    ['RFC 4954 §4: no PLAIN in the clear', ['PLAIN', 'LOGIN'], password, undefined, undefined],
    ['allowed', ['PLAIN', 'LOGIN'], { ...password, insecure: true }, undefined, 'PLAIN'],
    ['tokens', offered, token, tls13, 'OAUTHBEARER'],
    ['tokens of old', without('OAUTHBEARER'), token, tls13, 'XOAUTH2'],
    ['no token in the clear', offered, token, undefined, undefined],
    ['certificate', ['EXTERNAL'], { user: '', certificate: true }, tls13, 'EXTERNAL'],
    ['nothing in common', ['GSSAPI'], password, tls13, undefined],
  ] as const)
    it(`${title}: ${expected}`, () => {
      assert.equal(chooseSaslClient(names, credentials, tls)?.mechanism, expected);
    });

  it('says "y" when -PLUS is missing from the list, and a server that has it notices', async () => {
    const client = chooseSaslClient(without('SCRAM-SHA-256-PLUS'), password, tls13)!;
    const step = await couple(client, open('SCRAM-SHA-256', tls13));
    assert.equal(step.kind, 'failure');
  });

  it('all mechanisms log in at our own server', async () => {
    const everything: Authenticator = {
      ...authenticator,
      verifyPassword: async (user, given) => (given === 'pencil' ? user : undefined),
      verifyToken: async (user, given) => (given === 'dG9rZW4=' ? user : undefined),
      accountOfCertificate: async () => 'user',
    };
    const good = { ...tls13, verified: true };
    for (const name of [...offered, 'EXTERNAL']) {
      const login = /AUTH/.test(name) ? token : password;
      const certificate = name === 'EXTERNAL';
      // A server with one mechanism: the downgrade of the test above is not meant.
      const tls = name === 'SCRAM-SHA-256' ? noBinding : good;
      const client = chooseSaslClient([name], { ...login, certificate }, tls)!;
      const server = createSaslServer(name, { authenticator: everything, tls })!;
      const step = await couple(client, server);
      assert.deepEqual([name, step.kind], [name, 'success']);
    }
  });

  it('RFC 5802 §5.1: names with "=" and "," arrive as they are', async () => {
    const client = scramClient({ user: 'a=b,c', password: 'pencil' });
    const step = await couple(client, open('SCRAM-SHA-256', undefined));
    assert.equal(step.kind === 'success' && step.account, 'equal');
  });
});
