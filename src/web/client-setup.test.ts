import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentLog } from '../base/log.ts';
import { Counter } from '../base/metrics.ts';
import { fc } from '../base/test-properties.ts';
import { anyText } from '../base/test-text.ts';
import { clientSetupPaths } from './client-setup.ts';
import type { MailServer } from './mail-server.ts';
import type { WebApp } from './web-app.ts';
import { createWebApp } from './web-app.ts';

const servers: readonly MailServer[] = [
  { kind: 'imap', host: 'mx.example.org', port: 993, tls: 'implicit' },
  { kind: 'imap', host: 'mx.example.org', port: 143, tls: 'starttls' },
  { kind: 'smtp', host: 'mx.example.org', port: 587, tls: 'starttls' },
];
const isOurs = (domain: string) => domain === 'example.org' || domain === 'xn--bcher-kva.example';
const counter = new Counter();
const app = createWebApp({
  paths: [clientSetupPaths({ servers: () => servers, isOurs })],
  answers: { '2xx': counter, '3xx': counter, '4xx': counter, '5xx': counter },
  log: silentLog,
});
async function ask(url: string, init: RequestInit = {}) {
  const response = await app.request(url, init, { address: '192.0.2.1', secure: true });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

describe('Thunderbird’s configuration', () => {
  it('is told at autoconfig and by .well-known, with the servers in order', async () => {
    for (const url of [
      'http://autoconfig.example.org/mail/config-v1.1.xml',
      'https://example.org/.well-known/autoconfig/mail/config-v1.1.xml',
      'https://mx.example.org/mail/config-v1.1.xml?emailaddress=ann%40EXAMPLE.org',
    ]) {
      const { status, headers, text } = await ask(url);
      assert.equal(status, 200, url);
      assert.match(headers.get('content-type') ?? '', /^application\/xml/);
      assert.match(text, /<emailProvider id="example.org">/);
      assert.deepEqual(
        [
          ...text.matchAll(
            /<(\w+Server) type="(\w+)">\s*<hostname>(.*?)<[\s\S]*?<port>(\d+)<[\s\S]*?<socketType>(\w+)/g,
          ),
        ].map((match) => match.slice(1).join(' ')),
        [
          'incomingServer imap mx.example.org 993 SSL',
          'incomingServer imap mx.example.org 143 STARTTLS',
          'outgoingServer smtp mx.example.org 587 STARTTLS',
        ],
      );
    }
    const { text } = await ask('http://a/mail/config-v1.1.xml?emailaddress=ann@bücher.example');
    assert.match(text, /<domain>xn--bcher-kva\.example</);
  });

  it('is for our domains alone', async () => {
    for (const [host, address] of [
      ['autoconfig.example.net', ''],
      ['mx.example.org', 'ann@example.net'],
      ['mx.example.org', 'ann'],
      ['mx.example.org', 'a@b@example.org'],
    ] as const) {
      const url = `http://${host}/mail/config-v1.1.xml?emailaddress=${address}`;
      assert.equal((await ask(url)).status, 404, url);
    }
  });
});

describe('Outlook’s autodiscover', () => {
  const post = (body: string, path = '/autodiscover/autodiscover.xml') =>
    ask(`https://autodiscover.example.org${path}`, { method: 'POST', body });
  const request = (address: string) =>
    `<Autodiscover><Request><EMailAddress>${address}</EMailAddress></Request></Autodiscover>`;

  it('has one server of each kind, for the address that asks', async () => {
    for (const path of [
      '/autodiscover/autodiscover.xml',
      '/Autodiscover/Autodiscover.xml',
      '/AutoDiscover/AutoDiscover.xml',
    ]) {
      const { status, text } = await post(request(' ann@example.org '), path);
      assert.equal(status, 200);
      assert.match(text, /<Type>IMAP<\/Type>\s*<Server>mx\.example\.org<\/Server>\s*<Port>993</);
      assert.match(text, /<Type>SMTP<[\s\S]*<Port>587<[\s\S]*<Encryption>TLS</);
      assert.match(text, /<LoginName>ann@example\.org<\/LoginName>/);
      assert.doesNotMatch(text, /143/);
    }
  });

  it('knows nothing of others, nor of what is no address, and takes no markup', async () => {
    for (const body of [
      request('ann@example.net'),
      request('a&lt;b@example.org'),
      request('a"b@example.org'),
      '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>&e;',
      '',
    ]) {
      const { status, text } = await post(body);
      assert.equal(status, 200);
      assert.match(text, /<ErrorCode>500</);
      assert.doesNotMatch(text, /LoginName/);
    }
    assert.equal((await post('x'.repeat(20_000))).status, 413);
  });

  it('whatever is asked is answered, as one document that quotes nothing but an address of ours', async () => {
    const piece = fc.oneof(
      fc.constantFrom('<EMailAddress>', '</EMailAddress>', '<emailaddress>', ' ', '\n', '\0', '&'),
      fc.constantFrom(
        'ann@example.org',
        'ann@example.net',
        '<AcceptableResponseSchema>',
        '</',
        '"',
      ),
      fc.constantFrom('/mobilesync/responseschema/2006', '<![CDATA[', ']]>', '<!--', '-->'),
      anyText({ maxLength: 30 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 40 }), async (pieces) => {
        const body = pieces.join('');
        const { status, text } = await post(body);
        assert.equal(status, 200);
        const names = [...text.matchAll(/<LoginName>(.*?)<\/LoginName>/gs)].map(([, name]) => name);
        assert.equal(/<ErrorCode>500</.test(text), names.length === 0);
        for (const name of names) {
          assert.match(name!, /^[^\s<>&"]+@(?:example\.org)$/i);
          assert.ok(body.includes(name!));
        }
      }),
    );
  });

  it('what is long, and nothing, is read once', async () => {
    // Whoever looks from each blank to the end for each end of the address is at it for hours.
    for (const body of [
      `<EMailAddress>${' '.repeat(16_000)}`,
      `<EMailAddress>${' a'.repeat(8_000)}`,
      '<EMailAddress>'.repeat(1_100),
      `<AcceptableResponseSchema>${'/mobilesync/responseschema/2006 '.repeat(450)}`,
      '<AcceptableResponseSchema>'.repeat(600),
    ])
      assert.match((await post(body)).text, /<ErrorCode>500</);
    assert.match((await post(request('\n  ann@example.org\t'))).text, /LoginName/);
  });

  it('by JSON says where that is', async () => {
    const url = 'https://autodiscover.example.org/autodiscover/autodiscover.json';
    const query = '?Protocol=AutodiscoverV1&Email=ann@example.org';
    for (const path of [`${url}${query}`, `${url}/v1.0/ann@example.org${query}`]) {
      const { status, text } = await ask(path);
      assert.equal(status, 200, text);
      assert.deepEqual(JSON.parse(text), {
        Protocol: 'AutodiscoverV1',
        Url: 'https://autodiscover.example.org/autodiscover/autodiscover.xml',
      });
    }
    assert.equal((await ask(`${url}?Protocol=Ews&Email=ann@example.org`)).status, 400);
    assert.equal((await ask(`${url}?Protocol=AutodiscoverV1&Email=ann@example.net`)).status, 404);
  });
});

describe('the set-up of phones', () => {
  const phones = createWebApp({
    paths: [clientSetupPaths({ servers: () => servers, isOurs, activeSync: () => ({}) })],
    answers: { '2xx': counter, '3xx': counter, '4xx': counter, '5xx': counter },
    log: silentLog,
  });
  const askPhones = async (url: string, init: RequestInit = {}) => {
    const response = await phones.request(url, init, { address: '192.0.2.1', secure: true });
    return { status: response.status, text: await response.text() };
  };
  const wanting = (schema: string) =>
    `<Autodiscover><Request><EMailAddress>ann@example.org</EMailAddress><AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/${schema}</AcceptableResponseSchema></Request></Autodiscover>`;
  const xmlPath = 'https://autodiscover.example.org/autodiscover/autodiscover.xml';
  const here = 'https://autodiscover.example.org/Microsoft-Server-ActiveSync';

  it('[MS-ASCMD] 2.2.1.1: is ActiveSync for who asks for it, where it is on', async () => {
    const body = wanting('mobilesync/responseschema/2006');
    const { text } = await askPhones(xmlPath, { method: 'POST', body });
    assert.match(text, /<Type>MobileSync<\/Type>/);
    assert.ok(text.includes(`<Url>${here}</Url>`));
    const outlook = wanting('outlook/responseschema/2006a');
    assert.doesNotMatch(
      (await askPhones(xmlPath, { method: 'POST', body: outlook })).text,
      /MobileSync/,
    );
    assert.doesNotMatch((await ask(xmlPath, { method: 'POST', body })).text, /MobileSync/);
  });

  it('is ActiveSync in JSON, too', async () => {
    const url =
      'https://autodiscover.example.org/autodiscover/autodiscover.json?Email=ann@example.org&Protocol=ActiveSync';
    assert.deepEqual(JSON.parse((await askPhones(url)).text), {
      Protocol: 'ActiveSync',
      Url: here,
    });
    assert.equal((await ask(url)).status, 400);
  });

  it('is a profile for Apple’s: ActiveSync where it is on, else IMAP and SMTP', async () => {
    const url = 'https://mx.example.org/mail/apple.mobileconfig?emailaddress=ann%40example.org';
    assert.match(
      (await askPhones(url)).text,
      /com\.apple\.eas\.account[\s\S]*<key>Host<\/key><string>mx\.example\.org</,
    );
    const { text, headers } = await ask(url);
    assert.match(headers.get('content-type') ?? '', /^application\/x-apple-aspen-config/);
    assert.match(text, /com\.apple\.mail\.managed/);
    assert.match(text, /<key>IncomingMailServerPortNumber<\/key><integer>993</);
    assert.equal(
      (
        await ask(
          url.replace('example.org', 'example.net').replace('%40example.org', '%40example.net'),
        )
      ).status,
      404,
    );
  });
});

it('what is put behind a domain of ours makes no address, and stands in no answer', async () => {
  const phones = createWebApp({
    paths: [clientSetupPaths({ servers: () => servers, isOurs, activeSync: () => ({}) })],
    answers: { '2xx': counter, '3xx': counter, '4xx': counter, '5xx': counter },
    log: silentLog,
  });
  const of = async (site: WebApp, url: string, init: RequestInit = {}) =>
    (await site.request(url, init, { address: '192.0.2.1', secure: true })).text();
  const injected = '</string><key>x</key><string>';
  for (const domain of ['example.org', 'bücher.example'])
    for (const end of ['/', '?', '#', '\\']) {
      const address = `ann@${domain}${end}${injected}`;
      const asked = encodeURIComponent(address);
      const xml = `<Request><EMailAddress>ann@${domain}${end}&x;</EMailAddress></Request>`;
      for (const site of [app, phones]) {
        const told = [
          await of(site, `https://mx.test/mail/apple.mobileconfig?emailaddress=${asked}`),
          await of(site, `https://mx.test/mail/config-v1.1.xml?emailaddress=${asked}`),
          await of(site, 'https://mx.test/autodiscover/autodiscover.xml', {
            method: 'POST',
            body: xml,
          }),
        ].join('\n');
        assert.doesNotMatch(told, /<key>x<|&x;|ann@/, address);
        assert.match(told, /There is nothing known of this address/);
      }
    }
  const host = 'a&b.test';
  const profile = `https://${host}/mail/apple.mobileconfig?emailaddress=ann%40example.org`;
  assert.match(await of(phones, profile), /<string>a&amp;b\.test</);
});
