// The service of a listener: SMTP, submission, LMTP, IMAP or POP3, with what all of them share: who may
// log in, how guesses are slowed, how many connections there may be. They read the configuration
// that is in force when a connection is made.

import { ImapService } from './access/imap/imap-service.ts';
import { Maildrops } from './access/maildrops.ts';
import { Pop3Service } from './access/pop3-service.ts';
import type { Clock } from './base/clock.ts';
import type { Log } from './base/log.ts';
import type { Random } from './base/random.ts';
import type { ListenerConfig } from './config/config.ts';
import type { Service } from './doors.ts';
import { defaultImapLimits } from './imap/limits.ts';
import { createImapSession } from './imap/session.ts';
import type { Live } from './live.ts';
import { OpenFolders } from './mailbox/open-folders.ts';
import { startServerTls } from './net/listener.ts';
import type { Peer } from './net/peer.ts';
import type { SocketPeer } from './net/socket-peer.ts';
import type { ServerTls } from './net/tls.ts';
import { createAuthenticator, createDevAuthenticator } from './policy/authenticator.ts';
import type { ConnectionLimits } from './policy/connection-limits.ts';
import { Login } from './policy/login.ts';
import type { LoginThrottle } from './policy/login-throttle.ts';
import type { Policy } from './policy/policy.ts';
import { inOrder } from './policy/policy.ts';
import { qualifiedDomain } from './policy/qualified-domain.ts';
import { createQuotaRule } from './policy/quota.ts';
import type { Refusals } from './policy/refusals.ts';
import { createSenderRule } from './policy/sender-owner.ts';
import { defaultPop3Limits } from './pop3/limits.ts';
import { DomainQueues } from './queue/domain-queues.ts';
import type { QueueRunner } from './queue/runner.ts';
import type { SmtpServiceSettings } from './receive/smtp-service.ts';
import { SmtpService } from './receive/smtp-service.ts';
import { offeredMechanisms } from './sasl/server.ts';
import type { Quota } from './store/folder-store.ts';
import type { Stores } from './store/sqlite/stores.ts';

export interface ServicesParts {
  readonly live: () => Live;
  readonly tls: () => ServerTls | undefined;
  readonly stores: Stores;
  readonly runner: QueueRunner;
  readonly messageId: () => string;
  readonly throttle: LoginThrottle;
  readonly connections: ConnectionLimits;
  readonly policies: readonly Policy[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly refusals: Refusals;
}

export function createServices(parts: ServicesParts): (spec: ListenerConfig) => Service {
  const { live, stores, runner, throttle, connections, clock, random, log, refusals } = parts;
  // `dev` is how a server was started; a reload does not change it.
  const { dev } = live().config;
  const { accounts } = stores;
  const authenticator = dev
    ? createDevAuthenticator({ localDomain: live().config.hostname })
    : createAuthenticator({
        ...{ accounts, clock },
        get tokenVerifier() {
          return live().config.tokenVerifier;
        },
        get certificateAccounts() {
          return live().config.clientCertificates?.accounts;
        },
      });
  const senderRule = dev
    ? undefined
    : createSenderRule({ accounts, directory: () => live().directory });
  const quotaLimits = () => {
    const { size, messages } = live().config.mailboxes.quota;
    return { bytes: size, messages };
  };
  const quotaRule = createQuotaRule({
    limits: quotaLimits,
    usage: (account) => expectedUsage(stores, account),
    clock,
  });
  const hooks = inOrder(parts.policies);
  const submissionHooks = inOrder([
    ...parts.policies,
    qualifiedDomain({ isOurs: (domain) => live().directory.isOurs(domain) }),
  ]);
  const queues = new DomainQueues({
    store: stores.queue,
    mayStart: (domain) => live().relayed.matches(domain).length > 0,
    wake: () => runner.wake(),
    ...{ clock, log },
  });
  /** Made for the first IMAP listener; from then on it watches the store. */
  let openFolders: OpenFolders | undefined;
  const maildrops = new Maildrops({ mailboxes: stores.mailboxes, clock });

  const startTls = async (peer: Peer): Promise<Peer> => {
    const tls = parts.tls();
    if (tls === undefined) throw new Error('STARTTLS without a certificate');
    return startServerTls(peer as SocketPeer, tls);
  };
  /** For the protocols whose conversations keep no record of it themselves. */
  const notedStartTls = (service: string) => (peer: Peer) =>
    startTls(peer).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      refusals.note({ service, client: peer.remote.address, stage: 'starttls', reason });
      throw error;
    });
  const offersStartTls = (spec: ListenerConfig) =>
    spec.tls === 'starttls' && parts.tls() !== undefined;

  const login = (sessionLog: Log) =>
    new Login({ authenticator, throttle, clock, log: sessionLog, refusals });

  function smtpService(spec: SmtpListener): Service {
    const withheld = new Set(spec.withhold);
    const mechanisms = ({ tls }: Peer): readonly string[] =>
      spec.service === 'lmtp'
        ? []
        : offeredMechanisms({ authenticator, tls, insecureAuth: spec.insecureAuth });
    const settings = (): SmtpServiceSettings => {
      const { config, limits, trusted, directory, router } = live();
      return {
        hostname: config.hostname,
        receivedFieldsMax: config.limits.receivedFields,
        messageMs: config.limits.messageTimeout,
        service: spec.service,
        startTls: offersStartTls(spec),
        bareNewlines: spec.bareNewlines,
        localDomain: dev ? config.hostname : undefined,
        authRequired: spec.service === 'submission',
        withheld,
        limits,
        isTrusted: trusted.has,
        mechanisms,
        login,
        directory,
        destinationOf: router.destinationOf,
        senderRule,
        // Where mail is handed on, somebody else counts.
        quotaRule: config.localDelivery.kind === 'mailbox' ? quotaRule : undefined,
        vrfy: config.vrfy,
        hooks: spec.service === 'submission' ? submissionHooks : hooks,
      };
    };
    return new SmtpService({
      settings,
      connections,
      startTls,
      spool: stores.spool,
      submit: (message, _client, room) => runner.submit(message, room),
      messageId: parts.messageId,
      startQueue: async (node) => queues.start(node),
      ...{ clock, random, log, refusals },
    });
  }

  function pop3Service(spec: ListenerConfig): Service {
    return new Pop3Service({
      settings: () => {
        const { hostname, pop3 } = live().config;
        return {
          hostname,
          startTls: offersStartTls(spec),
          insecureAuth: spec.insecureAuth,
          loginDelayMs: pop3.loginDelay,
          limits: { ...defaultPop3Limits, idleMs: pop3.idleTimeout },
        };
      },
      ...{ maildrops, authenticator, throttle, connections, clock, random, log, refusals },
      startTls: notedStartTls('pop3'),
    });
  }

  function imapService(spec: ListenerConfig): Service {
    openFolders ??= new OpenFolders(stores.folders);
    return new ImapService({
      settings: () => {
        const { hostname, domains, imap, limits } = live().config;
        const domain = domains.find((name) => !name.startsWith('.')) ?? hostname;
        return {
          hostname,
          startTls: offersStartTls(spec),
          insecureAuth: spec.insecureAuth,
          limits: {
            ...defaultImapLimits,
            commandBytes: imap.commandSize,
            appendBytes: limits.messageSize,
            appendMessages: imap.messagesPerAppend,
            errors: imap.errorsPerConnection,
            idleMs: imap.idleTimeout,
            loginMs: imap.loginTimeout,
          },
          quota: quotaLimits(),
          admin: `mailto:postmaster@${domain}`,
        };
      },
      createSession: createImapSession,
      ...{ store: stores.folders, openFolders, spool: stores.spool },
      accountOf: (address) => live().directory.accountOf(address),
      ...{ authenticator, throttle, connections, clock, random, log, refusals },
      startTls: notedStartTls('imap'),
    });
  }

  return (spec) => {
    if (isSmtp(spec)) return smtpService(spec);
    return spec.service === 'imap' ? imapService(spec) : pop3Service(spec);
  };
}

/** What is in the mailbox, and what was accepted for it. */
async function expectedUsage({ mailboxes, queue }: Stores, account: string): Promise<Quota> {
  const [stored, queued] = await Promise.all([mailboxes.usage(account), queue.roomTaken(account)]);
  return {
    bytes: stored.bytes + queued.bytes,
    messages: stored.messages + queued.messages,
  };
}

type SmtpListener = ListenerConfig & { readonly service: SmtpServiceSettings['service'] };
const isSmtp = (spec: ListenerConfig): spec is SmtpListener =>
  spec.service !== 'pop3' && spec.service !== 'imap';
