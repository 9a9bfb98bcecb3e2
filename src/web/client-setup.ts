// How mail programs set themselves up with nothing but an address: Thunderbird and its kin ask for config-v1.1.xml,
// Outlook for autodiscover. Both get the same servers. Whether there is such an address is nobody's business: every
// one in a domain of ours gets the same answer.

import type { Context } from 'hono';
import { domainKey, isDomain } from '../mail/fields/address.ts';
import { placeOf } from './activesync.ts';
import { appleProfile, mobileSyncAnswer, wantsMobileSync } from './activesync-setup.ts';
import type { MailServer } from './mail-server.ts';
import { readBody } from './request-body.ts';
import type { WebApp } from './web-app.ts';
import { hostOf } from './web-app.ts';

export interface ClientSetupParts {
  /** The best of a kind first. */
  readonly servers: () => readonly MailServer[];
  readonly isOurs: (domain: string) => boolean;
  /** Where Exchange ActiveSync is on: where it is now, unless that is here. */
  readonly activeSync?: (() => { readonly redirect?: string | undefined } | undefined) | undefined;
}

/** Limit: of what Outlook sends, which is half a kilobyte. */
const requestBytesMax = 16 * 2 ** 10;
const onlyXml = { ErrorCode: 'InvalidProtocol', ErrorMessage: 'There is AutodiscoverV1.' };
const xml = { 'content-type': 'application/xml; charset=utf-8' };

export function clientSetupPaths({
  servers,
  isOurs,
  activeSync = () => undefined,
}: ClientSetupParts) {
  /** Where phones ask; undefined where ActiveSync is off. */
  const phonesAsk = (c: Context): URL | undefined => {
    const phones = activeSync();
    if (phones === undefined) return undefined;
    return placeOf(phones.redirect ?? `https://${new URL(c.req.url).host}`);
  };
  /** RFC 5321 §4.1.2 has more addresses; those with spaces and quotes nobody types into a mail program. */
  const ours = (address: string) => {
    const [, written = ''] = /^[^\s\x00-\x1f\x7f@<>"&]{1,64}@([^\s@]{1,255})$/.exec(address) ?? [];
    // What is no name may hold anything, and would stand in the answer as it was asked.
    if (!isDomain(written)) return undefined;
    const domain = domainKey(written);
    return isOurs(domain) ? { address, domain } : undefined;
  };
  return (app: WebApp): void => {
    for (const path of ['/mail/config-v1.1.xml', '/.well-known/autoconfig/mail/config-v1.1.xml'])
      app.get(path, (c) => {
        const asked = ours(c.req.query('emailaddress') ?? '')?.domain;
        const host = hostOf(c.req.url).replace(/^autoconfig\./, '');
        const domain = asked ?? (isOurs(host) ? host : undefined);
        if (domain === undefined) return c.notFound();
        return c.body(thunderbird(domain, servers()), 200, xml);
      });
    // Field: some ask with capitals (`/AutoDiscover/AutoDiscover.xml`), and with POST; others with GET to see whether there is something.
    const xmlPath = '/:first{[Aa]uto[Dd]iscover}/:second{[Aa]uto[Dd]iscover\\.xml}';
    app.get(xmlPath, (c) => c.body(outlookProblem, 200, xml));
    app.post(xmlPath, async (c) => {
      const body = (await readBody(c.req.raw, requestBytesMax)).toString();
      const account = ours(addressIn(body))?.address;
      const phones = phonesAsk(c);
      if (account !== undefined && phones !== undefined && wantsMobileSync(body))
        return c.body(autodiscover(mobileSyncAnswer(account, phones.href)), 200, xml);
      return c.body(account === undefined ? outlookProblem : outlook(account, servers()), 200, xml);
    });
    const json = '/:first{[Aa]uto[Dd]iscover}/:second{[Aa]uto[Dd]iscover\\.json}';
    const where = (c: Context, address: string) => {
      if (ours(address) === undefined) return c.notFound();
      const protocol = c.req.query('Protocol')?.toLowerCase();
      const phones = phonesAsk(c);
      if (protocol === 'activesync' && phones !== undefined)
        return c.json({ Protocol: 'ActiveSync', Url: phones.href });
      if (protocol !== 'autodiscoverv1') return c.json(onlyXml, 400);
      const Url = `https://${new URL(c.req.url).host}/autodiscover/autodiscover.xml`;
      return c.json({ Protocol: 'AutodiscoverV1', Url });
    };
    app.get(json, (c) => where(c, c.req.query('Email') ?? ''));
    app.get(`${json}/v1.0/:address`, (c) => where(c, c.req.param('address')));
    app.get('/mail/apple.mobileconfig', (c) => {
      const asked = ours(c.req.query('emailaddress') ?? '');
      const host = phonesAsk(c)?.host;
      const profile =
        asked && appleProfile({ account: asked.address, ...asked, host, servers: servers() });
      if (profile === undefined) return c.notFound();
      return c.body(profile, 200, {
        'content-type': 'application/x-apple-aspen-config; charset=utf-8',
        'content-disposition': 'attachment; filename="mail.mobileconfig"',
      });
    });
  };
}

/** [MS-OXDSCLI] 2.2.3. Strangers write it: looking for it takes as long as reading it once. */
const addressIn = (body: string): string =>
  /<EMailAddress>([^<]*)<\/EMailAddress>/i.exec(body)?.[1]?.trim() ?? '';

/** https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat */
function thunderbird(domain: string, servers: readonly MailServer[]): string {
  const each = servers.map(({ kind, host, port, tls }) => {
    const element = kind === 'smtp' ? 'outgoingServer' : 'incomingServer';
    return `    <${element} type="${kind}">
      <hostname>${host}</hostname>
      <port>${port}</port>
      <socketType>${tls === 'implicit' ? 'SSL' : 'STARTTLS'}</socketType>
      <authentication>password-cleartext</authentication>
      <username>%EMAILADDRESS%</username>
    </${element}>
`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="${domain}">
    <domain>${domain}</domain>
    <displayName>${domain}</displayName>
    <displayShortName>${domain}</displayShortName>
${each.join('')}  </emailProvider>
</clientConfig>
`;
}

const autodiscover = (content: string): string => `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
${content}</Autodiscover>
`;

/** [MS-OXDSCLI] 2.2.4. `account` holds no character that XML would take for its own. */
function outlook(account: string, servers: readonly MailServer[]): string {
  const seen = new Set<string>();
  const first = servers.filter(({ kind }) => !seen.has(kind) && seen.add(kind));
  const each = first.map(
    ({ kind, host, port, tls }) => `      <Protocol>
        <Type>${kind.toUpperCase()}</Type>
        <Server>${host}</Server>
        <Port>${port}</Port>
        <LoginName>${account}</LoginName>
        <DomainRequired>off</DomainRequired>
        <SPA>off</SPA>
        <SSL>on</SSL>
        <Encryption>${tls === 'implicit' ? 'SSL' : 'TLS'}</Encryption>
        <AuthRequired>on</AuthRequired>
      </Protocol>
`,
  );
  return autodiscover(`  <Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">
    <Account>
      <AccountType>email</AccountType>
      <Action>settings</Action>
${each.join('')}    </Account>
  </Response>
`);
}

const outlookProblem = autodiscover(`  <Response>
    <Error>
      <ErrorCode>500</ErrorCode>
      <Message>There is nothing known of this address.</Message>
    </Error>
  </Response>
`);
