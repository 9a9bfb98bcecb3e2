import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { formatDuration, parseDuration } from '../base/duration-text.ts';
import { nearest } from '../base/nearest.ts';
import { fc } from '../base/test-properties.ts';
import type { ConfigInput } from './config.ts';
import { defineConfig } from './config.ts';
import { configDocs } from './config-docs.ts';
import { devConfig } from './dev.ts';
import { formatProblem } from './problems.ts';
import { resolveConfig } from './resolve.ts';
import { formatSize, parseSize } from './settings/setting.ts';

const directory = mkdtempSync(join(tmpdir(), 'postrider-config-'));
after(() => rmSync(directory, { recursive: true }));
writeFileSync(join(directory, 'password'), 's3cret\n');
writeFileSync(join(directory, 'empty'), '\n');
writeFileSync(join(directory, 'x.pem'), 'x');

function problemsOf(input: unknown): string[] {
  const result = resolveConfig(input, directory);
  return result.kind === 'ok' ? [] : result.problems.map(formatProblem);
}

function resolved(input: ConfigInput) {
  const result = resolveConfig(input, directory);
  assert.equal(result.kind, 'ok', JSON.stringify(result));
  return result.config;
}

const secretKeyAt = 'store.content.s3.secretKeyFile';
const postgres = (secretKeyFile: string) => ({
  ...{ kind: 'postgres', url: 'postgres://db.example.org/postrider', node: 'a' },
  content: {
    s3: { endpoint: 'https://s3.example.net', bucket: 'b', accessKey: 'k', secretKeyFile },
  },
});

describe('configuration', () => {
  const wrong: [title: string, input: unknown, problems: string[]][] = [
    ['not an object', [], ['must be an object, not a list']],
    ['an unknown name', { hostnam: 'x' }, ['hostnam: unknown setting; did you mean `hostname`?']],
    [
      'permissions that are none',
      { listeners: [{ service: 'lmtp', path: '/run/x', mode: '0999' }] },
      ["listeners[0].mode: must be permissions in octal such as '0660', not '0999'"],
    ],
    [
      'two letters swapped',
      { listeners: [{ service: 'smtp', port: 25, tsl: 'none' }] },
      ['listeners[0].tsl: unknown setting; did you mean `tls`?'],
    ],
    [
      'Postfix’s name for it',
      { mynetworks: [] },
      ['mynetworks: unknown setting; did you mean `trustedNetworks`?'],
    ],
    [
      'a name under a section',
      { queue: { expireafter: '5d' } },
      ['queue.expireafter: unknown setting; did you mean `expireAfter`?'],
    ],
    [
      'a port as text',
      { listeners: [{ service: 'smtp', port: '25' }] },
      ["listeners[0].port: must be a whole number, not '25'"],
    ],
    [
      'a port that is none',
      { listeners: [{ service: 'smtp', port: 65_536 }] },
      ['listeners[0].port: must be at most 65535, not 65536'],
    ],
    [
      'no port',
      { listeners: [{ service: 'smtp' }] },
      ['listeners[0].port: is missing: give a port'],
    ],
    [
      'no service',
      { listeners: [{ port: 25 }] },
      [
        "listeners[0].service: is missing: give one of 'smtp', 'submission', 'lmtp', 'pop3', 'imap', 'http', 'mtqp'",
      ],
    ],
    [
      'STARTTLS in HTTP',
      { tls: 'self-signed', listeners: [{ service: 'http', port: 8025, tls: 'starttls' }] },
      ["listeners[0].tls: http has no STARTTLS: 'implicit' or 'none'"],
    ],
    [
      'TLS without a certificate',
      { listeners: [{ service: 'smtp', port: 25, tls: 'implicit' }] },
      ["listeners[0].tls: implicit needs a certificate: set `tls`, for instance to 'self-signed'"],
    ],
    [
      'submission in the clear',
      { listeners: [{ service: 'submission', port: 587 }] },
      [
        'listeners[0].tls: submission needs TLS, since passwords are not taken in the clear: set the top-level `tls` and leave this out',
      ],
    ],
    [
      'POP3 in the clear',
      { listeners: [{ service: 'pop3', port: 110 }], pop3: { idleTimeout: '5m' } },
      [
        "pop3.idleTimeout: must be at least 10m, not '5m'",
        'listeners[0].tls: pop3 needs TLS, since passwords are not taken in the clear: set the top-level `tls` and leave this out',
      ],
    ],
    [
      'IMAP in the clear, impatient, with small mailboxes',
      {
        listeners: [{ service: 'imap', port: 143 }],
        imap: { idleTimeout: '5m', commandSize: '1KiB' },
        mailboxes: { quota: { size: 1, messages: 0 } },
      },
      [
        "imap.idleTimeout: must be at least 30m, not '5m'",
        "imap.commandSize: must be at least 8KiB, not '1KiB'",
        'mailboxes.quota.size: must be at least 1KiB, not 1',
        'mailboxes.quota.messages: must be at least 1, not 0',
        'listeners[0].tls: imap needs TLS, since passwords are not taken in the clear: set the top-level `tls` and leave this out',
      ],
    ],
    [
      'insecureAuth for the world',
      { listeners: [{ service: 'smtp', port: 25, insecureAuth: true }] },
      ["listeners[0].insecureAuth: is only for listeners on loopback: set `host: '127.0.0.1'`"],
    ],
    [
      'one port twice',
      {
        listeners: [
          { service: 'smtp', port: 25 },
          { service: 'lmtp', host: '127.0.0.1', port: 25 },
        ],
      },
      ['listeners[1].port: port 25 is taken already, by listeners[0]'],
    ],
    [
      'one path twice',
      {
        listeners: [
          { service: 'lmtp', path: 'a' },
          { service: 'smtp', path: './a' },
        ],
      },
      [`listeners[1].path: ${directory}/a is taken already, by listeners[0]`],
    ],
    [
      'port and path',
      { listeners: [{ service: 'lmtp', path: 'a', port: 24 }] },
      ['listeners[0].path: a listener has a port or a path, not both'],
    ],
    ['no listeners', { listeners: [] }, ['listeners: must not be empty']],
    [
      'a certificate that is not there',
      { tls: { certificate: 'a.pem', privateKey: 'x.pem' } },
      [`tls.certificate: ${directory}/a.pem: there is no such file`],
    ],
    [
      'a key in place of its file',
      { tls: { certificate: 'x.pem', privateKey: '-----BEGIN PRIVATE KEY-----\nMIGH\n' } },
      ['tls.privateKey: must be the path of a PEM file, not what is in one'],
    ],
    [
      'a key in place of a user',
      { user: '-----BEGIN PRIVATE KEY-----\nMIGH\n' },
      ['user: must be a user name, not what is in a PEM file'],
    ],
    [
      'a password in place of its file',
      {
        routes: [
          { domain: '*', host: 'a.test', user: 'u', passwordFile: 'hunter2', tls: 'require' },
        ],
      },
      [
        'routes[0].passwordFile: the file (not shown, since its name may be the secret itself): there is no such file',
      ],
    ],
    [
      'an alias with more than an address',
      { aliases: { 'a@example.org': ['c@d.test> NOTIFY=NEVER'] } },
      [
        "aliases['a@example.org'][0]: must be an address such as 'ann@example.org', not 'c@d.test> NOTIFY=NEVER'",
      ],
    ],
    [
      'an alias of no address',
      { aliases: { 'a b@example.org': ['c@d.test'] } },
      [
        "aliases['a b@example.org']: must be an address such as 'ann@example.org', or '@example.org'",
      ],
    ],
    [
      'a host with a line end',
      { routes: [{ domain: '*', host: 'a\r\nb' }] },
      ["routes[0].host: must be an IP address or host name, not 'a??b'"],
    ],
    [
      'a user name with a control character',
      { routes: [{ domain: '*', host: 'a.test', user: 'a\u0001b', passwordFile: 'x.pem' }] },
      ['routes[0].user: must be a text without control characters'],
    ],
    [
      'a client certificate for nobody',
      {
        tls: 'self-signed',
        clientCertificates: { authorities: 'x.pem', accounts: { laptop: 'ann' } },
      },
      [
        "clientCertificates.accounts.laptop: must be an address such as 'ann@example.org', not 'ann'",
      ],
    ],
    [
      'a key that is a directory',
      { tls: { certificate: 'x.pem', privateKey: '.' } },
      [`tls.privateKey: ${directory}: is a directory or the like; name a file`],
    ],
    [
      'half a pair',
      { tls: { certificate: 'x.pem' } },
      ['tls.privateKey: is missing: give the path of a file'],
    ],
    [
      'an additional key that is not there',
      {
        tls: {
          certificate: 'x.pem',
          privateKey: 'x.pem',
          additional: [{ certificate: 'x.pem', privateKey: 'none.key' }],
        },
      },
      [`tls.additional[0].privateKey: ${join(directory, 'none.key')}: there is no such file`],
    ],
    [
      'a word for tls',
      { tls: 'selfsigned' },
      ["tls: must be 'self-signed', { certificate, privateKey } or { acme }, not 'selfsigned'"],
    ],
    [
      'ACME without a word on its terms, and no way for the authority to get here',
      { tls: { acme: { termsAgreed: false } } },
      [
        'tls.acme.termsAgreed: must be true: read the terms that https://acme-v02.api.letsencrypt.org/directory names, and agree',
        'tls.acme.challenge: is missing: there is no http listener at port 80, none with implicit TLS at port 443, and no `dns`; add one of them, or say which way the authority gets here',
      ],
    ],
    [
      'ACME in the clear, for a wildcard, with a key that is not there',
      {
        tls: {
          acme: {
            ...{ termsAgreed: true, challenge: 'http-01', names: ['*.example.org'] },
            eab: { kid: 'a', keyFile: 'none.key' },
          },
        },
      },
      [
        'tls.acme.names: *.example.org needs `dns-01`',
        `tls.acme.eab.keyFile: ${join(directory, 'none.key')}: there is no such file`,
      ],
    ],
    [
      'ACME by DNS without a way to change it',
      // As short as can be: naming an authority is agreeing to its terms.
      {
        tls: {
          acme: {
            directory: 'https://ca.example/',
            contact: 'a@example.org',
            challenge: ['dns-01'],
          },
        },
      },
      ['tls.acme.dns: is missing: `dns-01` needs it'],
    ],
    [
      'a route to nowhere',
      { routes: [{ domain: '*' }] },
      ["routes[0]: must have exactly one of `host`, `lmtp` and `via: 'mx'`"],
    ],
    [
      'a user without password',
      { routes: [{ domain: '*', host: 'h', user: 'u' }] },
      ['routes[0].passwordFile: is missing: both or none'],
    ],
    [
      'an empty password file',
      { routes: [{ domain: '*', host: 'h', user: 'u', passwordFile: 'empty' }] },
      ['routes[0].passwordFile: empty: its first line is empty'],
    ],
    ...[
      { filters: [{ rspamd: 'http://127.0.0.1:1', passwordFile: 'empty' }] },
      { store: postgres('empty') },
    ].map((input): [string, unknown, string[]] => [
      `an empty secret: ${Object.keys(input)[0]}`,
      input,
      [
        `${'store' in input ? secretKeyAt : 'filters[0].passwordFile'}: empty: its first line is empty`,
      ],
    ]),
    [
      'an empty key of an account with an authority',
      {
        hostname: 'mx.example.org',
        tls: { acme: { dns: 'hook', eab: { kid: 'a', keyFile: 'empty' } } },
      },
      ['tls.acme.eab.keyFile: empty: there is nothing in it'],
    ],
    [
      'next hops that nobody can call',
      {
        routes: [
          { domain: 'a.org', host: 'h', port: 0 },
          { domain: 'b.org', lmtp: 'h:0' },
        ],
        localDelivery: { kind: 'lmtp', host: 'h', port: 0 },
      },
      [
        'localDelivery.port: must be at least 1, not 0',
        'routes[0].port: must be at least 1, not 0',
        "routes[1].lmtp: must be a socket path such as '/run/dovecot/lmtp' or 'host:port', not 'h:0'",
      ],
    ],
    [
      'name servers that nobody can ask',
      { dns: { servers: ['192.0.2.53', '192.0.2.53:99999', '[::1]:0', 'h'] } },
      ['192.0.2.53:99999', '[::1]:0', 'h'].map(
        (server, i) =>
          `dns.servers[${i + 1}]: must be an address such as '192.0.2.53' or '[2001:db8::53]:5353', not '${server}'`,
      ),
    ],
    [
      'a password in the clear',
      { routes: [{ domain: '*', host: 'h', user: 'u', passwordFile: 'password', tls: 'none' }] },
      ["routes[0].tls: would send the password in the clear: use 'require' or 'verify'"],
    ],
    [
      'a domain that is none',
      { domains: ['a b'] },
      ["domains[0]: must be a domain, '.domain' for its subdomains; not 'a b'"],
    ],
    [
      'here and relayed',
      { domains: ['a.org'], relayDomains: ['A.org'] },
      ['relayDomains[0]: A.org is in `domains` already: it is delivered here or relayed, not both'],
    ],
    [
      'tags that nobody takes off',
      {
        domains: ['a.org', '.b.org'],
        backscatter: { tag: ['a.org', 'x.b.org', 'b.org', '.a.org'] },
      },
      [
        'backscatter.tag[2]: b.org is not in `domains`',
        'backscatter.tag[3]: .a.org is not in `domains`',
      ],
    ],
    [
      'an alias without domain',
      { aliases: { ann: ['a@b.org'] } },
      ["aliases.ann: must be an address such as 'ann@example.org', or '@example.org'"],
    ],
    [
      'an alias to nothing',
      { aliases: { 'a@b.org': ['ann'] } },
      ["aliases['a@b.org'][0]: must be an address such as 'ann@example.org', not 'ann'"],
    ],
    [
      'a network that is none',
      { trustedNetworks: ['10.0.0.0/33'] },
      [
        "trustedNetworks[0]: must be a network such as '192.0.2.0/24' or '2001:db8::/32', not '10.0.0.0/33'",
      ],
    ],
    [
      'a number for a duration',
      { shutdownGrace: 30 },
      ["shutdownGrace: must be a duration such as '30s', '5m', '4h' or '5d', not 30"],
    ],
    [
      'too long a duration',
      { shutdownGrace: '2h' },
      ["shutdownGrace: must be at most 1h, not '2h'"],
    ],
    [
      'a size that is none',
      { limits: { messageSize: '50 Mb' } },
      ["limits.messageSize: must be a number of bytes or a size such as '50MiB', not '50 Mb'"],
    ],
    [
      'a database that is none',
      { store: { kind: 'postgres', url: 'mysql://x' } },
      ["store.url: must be an address such as 'postgres://postrider@db.example.org/postrider'"],
    ],
    [
      'a warning after the end',
      { queue: { warnAfter: '5d' } },
      ['queue.warnAfter: must be shorter than `queue.expireAfter`'],
    ],
    [
      'LMTP to nowhere',
      { localDelivery: { kind: 'lmtp' } },
      ['localDelivery: must have either `path` or both `host` and `port`'],
    ],
    [
      'a value with line ends',
      { hostname: 'a\r\nb' },
      ["hostname: must be a domain name such as 'mx.example.org', not 'a??b'"],
    ],
    [
      'names that are no domains',
      {
        rateLimits: { perDestination: { 'a b': '1/1m' } },
        dmarc: { overrides: { '*': 'accept' } },
      },
      [
        "dmarc.overrides['*']: its name must be a domain, '.domain' for its subdomains; not '*'",
        "rateLimits.perDestination['a b']: its name must be a domain, '.domain' for its subdomains, or '*' for every domain; not 'a b'",
      ],
    ],
    [
      'functions and rates',
      { hooks: { onMail: 'x' }, rateLimits: { perDestination: { '*': 'often' } } },
      [
        "rateLimits.perDestination['*']: must be a rate such as '300/1h' or '10/1m', not 'often'",
        'hooks.onMail: must be a function; a configuration in JSON has none: use .ts or .js',
      ],
    ],
    [
      'whom to allow, and lists',
      { access: [{ sender: ['x'], action: 'allow' }], dnsbl: { lists: [{ weight: 1 }] } },
      [
        "access[0].sender[0]: must be an address, '@domain', '@.domain' for its subdomains, or '<>'; not 'x'",
        'dnsbl.lists[0].zone: is missing: give a domain name',
      ],
    ],
    [
      'a verifier that is no function',
      { tokenVerifier: 'x' },
      ['tokenVerifier: must be a function: (user, token) => the account’s address, or undefined'],
    ],
  ];
  for (const [title, input, problems] of wrong)
    it(`says what is wrong, where, and what to do: ${title}`, () => {
      assert.deepEqual(problemsOf(input), problems);
    });

  it('reports every problem at once, also those between settings', () => {
    const paths = problemsOf({
      hostname: 'a b',
      listeners: [
        { service: 'smpt', port: 25 },
        { service: 'submission', port: 587 },
      ],
      routes: [{ domain: '*', host: 'x', user: 'u', passwordFile: 'nope' }],
      limits: { recipients: 'many' },
      nonsense: 1,
    }).map((problem) => problem.split(': ')[0]);
    assert.deepEqual(paths.sort(), [
      'hostname',
      'limits.recipients',
      'listeners[0].service',
      'listeners[1].tls',
      'nonsense',
      'routes[0].passwordFile',
    ]);
  });

  it('RFC 5321 §2.3.5: names that go over the wire have A-labels', () => {
    const config = resolved(
      defineConfig({
        hostname: 'mail.Bücher.example',
        routes: [{ domain: '*', host: 'relay.bücher.example', port: 25 }],
      }),
    );
    assert.equal(config.hostname, 'mail.xn--bcher-kva.example');
    assert.match(JSON.stringify(config.routes), /"relay\.xn--bcher-kva\.example"/);
  });

  it('takes the configuration of the contract', () => {
    const config = resolved(
      defineConfig({
        hostname: 'mx.example.org',
        dataDirectory: '/var/lib/postrider',
        domains: ['example.org', '.example.org', 'bücher.example'],
        relayDomains: ['example.net'],
        aliases: {
          'postmaster@example.org': ['ann@example.org'],
          '@example.org': ['ann@example.org'],
        },
        recipientDelimiter: '+',
        listeners: [
          { service: 'smtp', host: '127.0.0.1', port: 25 },
          { service: 'submission', port: 587 },
          { service: 'submission', host: ['127.0.0.1', '::1'], port: 465, tls: 'implicit' },
          { service: 'lmtp', path: 'run/lmtp.sock' },
        ],
        tls: { certificate: 'x.pem', privateKey: 'x.pem' },
        trustedNetworks: ['127.0.0.1/32', '::1/128'],
        routes: [
          { domain: 'sink.test', host: '127.0.0.1', port: 2526, tls: 'none' },
          { domain: '.internal.example.org', lmtp: '/run/dovecot/lmtp' },
          { domain: 'lmtp.example', lmtp: '[::1]:24' },
          {
            domain: '*',
            host: 'smarthost.example.net',
            port: 587,
            tls: 'require',
            user: 'u',
            passwordFile: 'password',
          },
        ],
        queue: { retryAfter: ['5m', '15m'], warnAfter: '4h', expireAfter: '5d' },
        limits: { messageSize: '50MiB', commandTimeout: '5m' },
        store: { kind: 'sqlite' },
        shutdownGrace: '30s',
        user: 'postrider',
      }),
    );
    assert.equal(config.limits.messageSize, 50 * 2 ** 20);
    assert.deepEqual(config.queue.retryAfter, [300_000, 900_000]);
    assert.deepEqual(
      config.listeners.map(({ hosts, path, tls }) => [hosts, path, tls]),
      [
        [['127.0.0.1'], undefined, 'starttls'],
        [['::'], undefined, 'starttls'],
        [['127.0.0.1', '::1'], undefined, 'implicit'],
        [[], join(directory, 'run/lmtp.sock'), 'none'],
      ],
    );
    assert.deepEqual(config.routes, [
      {
        domain: 'sink.test',
        kind: 'host',
        host: '127.0.0.1',
        port: 2526,
        tls: 'none',
        login: undefined,
      },
      { domain: '.internal.example.org', kind: 'lmtp', path: '/run/dovecot/lmtp' },
      { domain: 'lmtp.example', kind: 'lmtp', host: '::1', port: 24 },
      {
        domain: '*',
        kind: 'host',
        host: 'smarthost.example.net',
        port: 587,
        tls: 'require',
        login: { user: 'u', password: 's3cret' },
      },
    ]);
    assert.deepEqual(config.aliases.get('@example.org'), ['ann@example.org']);
    assert.equal(
      config.tls !== undefined && config.tls !== 'self-signed' && config.tls.files[0]!.privateKey,
      join(directory, 'x.pem'),
    );
  });

  it('takes the further keys of the contract, each by its name', () => {
    const config = resolved({
      hostname: 'mx.example.org',
      listeners: [{ service: 'http', host: '127.0.0.1', port: 80 }],
      tls: {
        acme: { directory: 'https://acme.example/directory', contact: 'mailto:ann@example.org' },
      },
      store: {
        kind: 'postgres',
        url: 'postgres://postrider@db.example.org/postrider',
        content: {
          s3: {
            endpoint: 'https://s3.example.net',
            bucket: 'mail',
            accessKey: 'postrider',
            secretKeyFile: 'password',
          },
        },
      },
      dns: { servers: ['127.0.0.1'], validating: true },
      ...{ dkim: {}, spf: {}, dmarc: {}, arc: {}, dane: {}, mtaSts: {}, tlsReports: {} },
      ...{ filters: [], rateLimits: {}, greylist: {}, dnsbl: {}, hooks: {} },
      activeSync: {},
    });
    assert.ok(config.store.kind === 'postgres');
    assert.deepEqual(config.store.content?.s3, {
      endpoint: 'https://s3.example.net',
      bucket: 'mail',
      region: 'us-east-1',
      accessKey: 'postrider',
      secretKey: 's3cret',
    });
    assert.deepEqual(config.activeSync, { requireProvision: true });
    assert.equal(resolved({ hostname: 'mx.example.org' }).activeSync, undefined, 'off by default');
  });

  it('needs nothing to be written', () => {
    const config = resolved({ hostname: 'mx.example.org' });
    assert.equal(config.dataDirectory, join(directory, 'postrider-data'));
    assert.deepEqual(config.routes, [{ domain: '*', kind: 'mx', tls: 'opportunistic' }]);
    assert.equal(config.listeners[0]?.port, 25);
    assert.equal(config.dev, false);
  });

  it('a name from outside never reaches a prototype', () => {
    const input = JSON.parse(
      '{"__proto__":{"domains":["x.org"]},"constructor":1,"hostname":"a.org"}',
    );
    assert.deepEqual(
      problemsOf(input).map((problem) => problem.split(':')[0]),
      ['__proto__', 'constructor'],
    );
  });

  it('never throws, whatever is in the file', () => {
    const names = fc.constantFrom(
      'listeners',
      'routes',
      'tls',
      'aliases',
      'queue',
      'store',
      'dns',
      'x',
      'localDelivery',
      'domains',
      'recipientDelimiter',
    );
    const value = fc.oneof(
      fc.jsonValue(),
      fc.array(
        fc.dictionary(
          fc.constantFrom('service', 'port', 'host', 'domain', 'tls', 'kind', 'path', 'lmtp'),
          fc.jsonValue(),
        ),
      ),
    );
    fc.assert(
      fc.property(fc.dictionary(names, value), (input) => {
        for (const problem of problemsOf(input))
          assert.doesNotMatch(problem, /[\r\n]|undefined|\[object/);
      }),
      { numRuns: 100 },
    );
  });
});

describe('dev', () => {
  it('has the ports of the contract, on loopback, and sends nothing anywhere', () => {
    const config = devConfig(directory);
    assert.deepEqual(
      config.listeners.map(({ service, hosts, port, tls }) => [service, ...hosts, port, tls]),
      [
        ['smtp', '127.0.0.1', 1025, 'none'],
        ['submission', '127.0.0.1', 1587, 'starttls'],
        ['submission', '127.0.0.1', 1465, 'implicit'],
        ['pop3', '127.0.0.1', 1110, 'none'],
        ['pop3', '127.0.0.1', 1995, 'implicit'],
        ['imap', '127.0.0.1', 1143, 'none'],
        ['imap', '127.0.0.1', 1993, 'implicit'],
        ['http', '127.0.0.1', 8025, 'none'],
      ],
    );
    assert.deepEqual(config.routes, [{ domain: '*', kind: 'discard' }]);
    assert.equal(config.dev, true);
  });

  it('can be moved to other ports', () => {
    assert.equal(devConfig(directory, { portOffset: 100 }).listeners[0]?.port, 1125);
    assert.equal(devConfig(directory, { freePorts: true }).listeners[2]?.port, 0);
    const { listeners } = devConfig(directory, { portOffset: 1, ports: { smtp: 25, http: 0 } });
    assert.deepEqual([listeners[0]?.port, listeners[1]?.port, listeners[7]?.port], [25, 1588, 0]);
  });

  it('can listen elsewhere than on loopback: any password is right there anyway', () => {
    const { listeners } = devConfig(directory, { host: '0.0.0.0' });
    for (const listener of listeners) assert.deepEqual(listener.hosts, ['0.0.0.0']);
    assert.equal(listeners[0]?.insecureAuth, true);
  });
});

describe('values', () => {
  const durations: [string, number | undefined][] = [
    ['30s', 30_000],
    ['5m', 300_000],
    ['4h', 14_400_000],
    ['5d', 432_000_000],
    ['1w', 604_800_000],
    ['250ms', 250],
    ['1.5h', 5_400_000],
    ['30', undefined],
    ['-5s', undefined],
    ['5 m', undefined],
    ['5M', undefined],
    ['', undefined],
    ['1e9s', undefined],
  ];
  for (const [text, ms] of durations)
    it(`duration '${text}' is ${ms}`, () => assert.equal(parseDuration(text), ms));

  const sizes: [unknown, number | undefined][] = [
    [1024, 1024],
    ['50MiB', 52_428_800],
    ['64 KiB', 65_536],
    ['1GiB', 2 ** 30],
    ['1.5KiB', 1536],
    ['512', 512],
    ['512B', 512],
    ['50MB', undefined],
    ['50M', undefined],
    [-1, undefined],
    [1.5, undefined],
    [Number.NaN, undefined],
  ];
  for (const [text, octets] of sizes)
    it(`size ${String(text)} is ${octets}`, () => assert.equal(parseSize(text), octets));

  it('what is printed is read back the same', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), (n) => {
        assert.equal(parseSize(formatSize(n)), n);
        if (n < 1e9) assert.equal(parseDuration(formatDuration(n)), n);
      }),
    );
  });

  it('suggests only what is near', () => {
    assert.equal(nearest('Hostname', ['hostname', 'host']), 'hostname');
    assert.equal(nearest('prot', ['port', 'path']), 'port');
    assert.equal(nearest('elephant', ['port', 'path']), undefined);
    assert.equal(nearest('x'.repeat(10_000), ['port']), undefined);
  });
});

describe('docs/config.md', () => {
  it('is what the schema says (node scripts/print-config-docs.ts)', () => {
    const written = readFileSync(join(import.meta.dirname, '../../docs/config.md'), 'utf8');
    assert.equal(written, configDocs());
  });

  it('knows which of the files that it names are secret', () => {
    const { files } = resolveConfig({ store: postgres('password') }, directory);
    assert.deepEqual(
      files.map(({ path, secret }) => [path, secret]),
      [[secretKeyAt, true]],
    );
  });
});
