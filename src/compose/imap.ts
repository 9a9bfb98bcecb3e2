// IMAP: mail read, sorted and shared, in folders that all sessions of the process have open together.

import { DigestTexts } from '../access/imap/fetch/digest-texts.ts';
import { createImapService } from '../access/imap/imap-service.ts';
import type { UrlAuthority } from '../access/imap/urls/url-authority.ts';
import { defaultImapLimits } from '../imap/limits.ts';
import { createImapSession } from '../imap/session/session.ts';
import type { OpenFolders } from '../mailbox/open-folders.ts';
import { quotaInForce } from './in-force.ts';
import { countedConnections } from './metrics.ts';
import type { ServiceFor, ServiceParts } from './service-parts.ts';
import { offersStartTls } from './service-parts.ts';
import type { Spam } from './spam.ts';

export interface ImapParts extends ServiceParts {
  readonly spam: Pick<Spam, 'learner'>;
  /** One for all who read mail. */
  readonly openFolders: () => OpenFolders;
}

export function createImap(parts: ImapParts, urls: UrlAuthority): ServiceFor {
  const { inForce, stores, admission, certificate, authenticator, clock, random, log } = parts;
  const { throttle, refusals } = admission;
  const { metrics } = parts;
  const connections = countedConnections(admission.connections, 'imap', metrics);
  const counters = { loggedIn: metrics.logins.ok, commands: metrics.imapCommands };
  const texts = new DigestTexts();
  return (spec) => {
    return createImapService({
      settings: () => {
        const { hostname, domains, imap, limits } = inForce().config;
        const domain = domains.find((name) => !name.startsWith('.')) ?? hostname;
        return {
          hostname,
          startTls: offersStartTls(spec, certificate),
          insecureAuth: spec.insecureAuth,
          limits: { ...defaultImapLimits, ...imap, messageSize: limits.messageSize },
          quota: quotaInForce(inForce()),
          admin: `mailto:postmaster@${domain}`,
        };
      },
      createSession: createImapSession,
      ...{
        store: stores.folders,
        openFolders: parts.openFolders(),
        texts,
        spool: stores.spool,
        urls,
      },
      sorted: (messages) => parts.spam.learner.note(messages),
      accountOf: (address) => inForce().addressMap.accountOf(address),
      createdOf: async (account) => (await stores.accounts.find(account))?.created,
      ...{ authenticator, throttle, connections, counters, clock, random, log, refusals },
      startTls: admission.notedStartTls('imap', certificate),
    });
  };
}
