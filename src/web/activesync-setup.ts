// How phones find Exchange ActiveSync by an address: autodiscover's `mobilesync` form, and its second version in JSON;
// and a profile for Apple's phones with ActiveSync or, without it, IMAP and SMTP. [MS-ASCMD] 2.2.1.1.

import { createHash } from 'node:crypto';
import type { MailServer } from './mail-server.ts';

/** [MS-ASCMD] 2.2.1.1: who asks for this form wants ActiveSync. */
export const mobileSyncSchema =
  'http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006';

export const wantsMobileSync = (request: string): boolean =>
  /<AcceptableResponseSchema>[^<]*\/mobilesync\/responseschema\/2006\s*<\//i.test(request);

/** `account` holds no character that XML would take for its own. */
export const mobileSyncAnswer = (
  account: string,
  url: string,
): string => `  <Response xmlns="${mobileSyncSchema}">
    <Culture>en:us</Culture>
    <User>
      <DisplayName>${account}</DisplayName>
      <EMailAddress>${account}</EMailAddress>
    </User>
    <Action>
      <Settings>
        <Server>
          <Type>MobileSync</Type>
          <Url>${escaped(url)}</Url>
          <Name>${escaped(url)}</Name>
        </Server>
      </Settings>
    </Action>
  </Response>
`;

export interface ProfileParts {
  readonly account: string;
  readonly domain: string;
  /** Of ActiveSync; undefined where it is off. */
  readonly host: string | undefined;
  /** The best of a kind first. */
  readonly servers: readonly MailServer[];
}

/** Apple's configuration profile: the phone asks for the password. Undefined where there is nothing to set up. */
export function appleProfile({ account, domain, host, servers }: ProfileParts): string | undefined {
  const imap = servers.find(({ kind }) => kind === 'imap');
  const smtp = servers.find(({ kind }) => kind === 'smtp');
  const content =
    host !== undefined
      ? exchange(account, host)
      : imap === undefined || smtp === undefined
        ? undefined
        : mail(account, imap, smtp);
  if (content === undefined) return undefined;
  const id = `${domain.split('.').reverse().join('.')}.mail`;
  const payload = dict({ ...content, ...named(account, id, host === undefined ? 'imap' : 'eas') });
  const profile = dict({
    PayloadContent: [payload],
    PayloadDescription: text(`Mail of ${account}`),
    PayloadDisplayName: text(`${account}`),
    PayloadType: text('Configuration'),
    ...named(account, id, 'profile'),
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
${profile}
</plist>
`;
}

type Values = Readonly<Record<string, string | readonly string[]>>;

const exchange = (account: string, host: string): Values => ({
  PayloadType: text('com.apple.eas.account'),
  PayloadDisplayName: text('Exchange ActiveSync'),
  Host: text(escaped(host)),
  EmailAddress: text(account),
  UserName: text(account),
  SSL: '<true/>',
});

const mail = (account: string, imap: MailServer, smtp: MailServer): Values => ({
  PayloadType: text('com.apple.mail.managed'),
  PayloadDisplayName: text('Mail'),
  EmailAccountType: text('EmailTypeIMAP'),
  EmailAccountDescription: text(account),
  EmailAddress: text(account),
  ...server('Incoming', account, imap),
  ...server('Outgoing', account, smtp),
  OutgoingPasswordSameAsIncomingPassword: '<true/>',
});

const server = (way: string, account: string, { host, port, tls }: MailServer): Values => ({
  [`${way}MailServerAuthentication`]: text('EmailAuthPassword'),
  [`${way}MailServerHostName`]: text(host),
  [`${way}MailServerPortNumber`]: `<integer>${port}</integer>`,
  [`${way}MailServerUseSSL`]: tls === 'implicit' || tls === 'starttls' ? '<true/>' : '<false/>',
  [`${way}MailServerUsername`]: text(account),
});

/** The same profile again takes the place of the one that a phone has. */
function named(account: string, id: string, what: string): Values {
  const hash = createHash('sha256').update(`${account} ${what}`).digest('hex').toUpperCase();
  const parts = [hash.slice(0, 8), hash.slice(8, 12), hash.slice(12, 16), hash.slice(16, 20)];
  return {
    PayloadIdentifier: text(what === 'profile' ? id : `${id}.${what}`),
    PayloadUUID: text([...parts, hash.slice(20, 32)].join('-')),
    PayloadVersion: '<integer>1</integer>',
  };
}

/** Of what XML takes for its own, a URL and a host can have this alone. */
const escaped = (url: string): string => url.replaceAll('&', '&amp;');

/** Nothing that comes here has a character that XML would take for its own. */
const text = (value: string): string => `<string>${value}</string>`;

function dict(values: Values): string {
  const each = Object.entries(values).map(([key, value]) => {
    const shown = typeof value === 'string' ? value : `<array>\n${value.join('\n')}\n</array>`;
    return `<key>${key}</key>${shown}`;
  });
  return `<dict>\n${each.join('\n')}\n</dict>`;
}
