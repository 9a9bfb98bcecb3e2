// SMTP, submission and LMTP: mail that comes in. A reception asks the policies, then hands each
// message to the queue.

import type { UrlAuthority } from '../access/imap/urls/url-authority.ts';
import { fetchedBytesMax, fetchSubmittedUrl } from '../access/submitted-urls.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { SharedRoom } from '../base/shared-room.ts';
import type { Config } from '../config/config.ts';
import type { ListenerConfig } from '../config/settings/listeners.ts';
import type { Resolver } from '../dns/resolver.ts';
import type { Peer } from '../net/peer.ts';
import { Login } from '../policy/accounts/login.ts';
import { hooksPolicy } from '../policy/hooks.ts';
import { noSoliciting } from '../policy/no-soliciting.ts';
import type { Policy } from '../policy/policy.ts';
import { byStage } from '../policy/policy.ts';
import { mailboxRoom, quotaOf } from '../policy/quota.ts';
import { recipientValidSince } from '../policy/recipient-valid-since.ts';
import { qualifiedDomain } from '../policy/senders/qualified-domain.ts';
import { senderOwner } from '../policy/senders/sender-owner.ts';
import { suppression } from '../policy/suppressions.ts';
import { DomainQueues } from '../queue/domain-queues.ts';
import type { MessageTracer } from '../queue/story/message-tracer.ts';
import type { Tracking } from '../queue/story/tracking.ts';
import type { HandedIn, HandIn } from '../receive/hand-in.ts';
import { handIn } from '../receive/hand-in.ts';
import type { SmtpServiceParts, SmtpServiceSettings } from '../receive/smtp-service.ts';
import { createSmtpService } from '../receive/smtp-service.ts';
import { offeredMechanisms } from '../sasl/server.ts';
import type { Quota } from '../store/folder-store.ts';
import type { Stores } from '../store/stores.ts';
import { createAbuse, noAbuse } from './abuse.ts';
import { createAuthentication } from './authentication.ts';
import type { Delivery } from './delivery.ts';
import { createFilters } from './filters.ts';
import type { InForce } from './in-force.ts';
import { quotaInForce, whileInForce } from './in-force.ts';
import { countedConnections, countedPolicy } from './metrics.ts';
import type { Reports } from './reports.ts';
import type { ServiceFor, ServiceParts } from './service-parts.ts';
import { offersStartTls } from './service-parts.ts';

export interface SmtpParts extends ServiceParts {
  readonly delivery: Pick<Delivery, 'runner' | 'messageId' | 'onDemand'>;
  readonly policies: readonly Policy[] | ((parts: PolicyParts) => readonly Policy[]);
  readonly resolver: Resolver;
  readonly tracking: Tracking;
  readonly reports: Pick<Reports, 'judged'>;
  readonly tracer: MessageTracer | undefined;
}

/** What policies are made of. */
export interface PolicyParts {
  /** One for all of them, in this thread; by the configuration in force. */
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly log: Log;
}

type SmtpListener = ListenerConfig & { readonly service: SmtpServiceSettings['service'] };

export interface Smtp {
  readonly serviceFor: ServiceFor<SmtpListener>;
  /** Hands in a message for an account, as after its login. */
  readonly handIn: (message: HandIn) => Promise<HandedIn>;
}

export function createSmtp(parts: SmtpParts, urls: UrlAuthority): Smtp {
  const { inForce, stores, admission, certificate, authenticator, clock, random, log } = parts;
  const { throttle, refusals } = admission;
  const loggedIn = parts.metrics.logins.ok;
  const { runner, messageId, onDemand } = parts.delivery;
  const { spool } = stores;
  const rules = createPolicies(parts);
  const queues = domainQueues(parts);
  const fetchUrl = fetchingUrls(parts, urls);
  const login = (sessionLog: Log) =>
    new Login({
      ...{ authenticator, throttle, clock, log: sessionLog, refusals, loggedIn },
      mechanismsCountOnce: true,
    });

  const accountOf = async (login: string) => (await stores.accounts.find(login))?.address;

  const partsFor = (spec: SmtpSpec): SmtpServiceParts => {
    const connections = countedConnections(admission.connections, spec.service, parts.metrics);
    const withheld = new Set(spec.withhold);
    const mechanisms = ({ tls }: Peer): readonly string[] =>
      spec.service === 'lmtp'
        ? []
        : offeredMechanisms({ authenticator, tls, insecureAuth: spec.insecureAuth });
    const settingsBy = (now: InForce, startTls: boolean): SmtpServiceSettings => {
      const { config, trusted, proxies, addressMap, router, offers } = now;
      const { hostname } = config;
      return {
        ...config,
        ...{ service: spec.service, startTls },
        bareNewlines: spec.bareNewlines,
        localDomain: config.dev ? hostname : undefined,
        authRequired: spec.service === 'submission',
        ...{ withheld, mechanisms, login, addressMap },
        ...offers,
        burl: config.localDelivery.kind === 'mailbox' ? hostname : undefined,
        isTrusted: trusted.has,
        proxies: { has: proxies.has, accountOf },
        wayOf: router.wayOf,
        ...rules(spec.service),
      };
    };
    const inTheClear = whileInForce(inForce, (now) => settingsBy(now, false));
    const withStartTls = whileInForce(inForce, (now) => settingsBy(now, true));
    return {
      settings: () => (offersStartTls(spec, certificate) ? withStartTls() : inTheClear()),
      startTls: (peer) => certificate.startTls(peer),
      submit: (message, _client, room) => runner.submit(message, room),
      startQueue: async (node) => queues.start(node),
      turns: onDemand,
      fetchUrl,
      tracked: (message, mtrk) => parts.tracking.note(message, mtrk),
      ...{ connections, spool, messageId, clock, random, log, refusals, tracer: parts.tracer },
    };
  };
  const forPrograms = partsFor(handedInBy);
  let handedIn = 0;
  return {
    serviceFor: (spec) => createSmtpService(partsFor(spec)),
    handIn(message) {
      handedIn += 1;
      return handIn(forPrograms, `api-${handedIn.toString(36)}`, message);
    },
  };
}

/** What all sessions fetch shares its room. */
function fetchingUrls(
  { inForce, stores }: SmtpParts,
  urls: UrlAuthority,
): NonNullable<SmtpServiceParts['fetchUrl']> {
  const room = new SharedRoom(fetchedBytesMax);
  const settings = () => {
    const { hostname, limits } = inForce().config;
    return { hostname, messageSize: limits.messageSize };
  };
  return (account, url) =>
    fetchSubmittedUrl({ folders: stores.folders, urls, settings, room }, account, url);
}

/** Started by ETRN: those of domains that we relay for. */
const domainQueues = ({ inForce, stores, delivery, clock, log }: SmtpParts): DomainQueues =>
  new DomainQueues({
    store: stores.queue,
    mayStart: (domain) => inForce().relayed.matches(domain).length > 0,
    wake: () => delivery.runner.wake(),
    ...{ clock, log },
  });

type SmtpSpec = Pick<
  SmtpListener,
  'service' | 'tls' | 'withhold' | 'insecureAuth' | 'bareNewlines'
>;

/** No listener: programs ask over HTTP. */
const handedInBy: SmtpSpec = {
  ...{ service: 'submission', tls: 'none', withhold: [], insecureAuth: false },
  bareNewlines: 'normalise',
};

type Rules = Pick<SmtpServiceSettings, 'policies' | 'quota'>;

/** Who may send what to whom, beyond what the protocol says. */
function createPolicies(parts: SmtpParts): (service: SmtpListener['service']) => Rules {
  const { inForce, stores, clock } = parts;
  const brought = typeof parts.policies === 'function' ? parts.policies(parts) : parts.policies;
  const { accounts } = stores;
  const addressMap = () => inForce().addressMap;
  // Where mail is handed on, somebody else counts.
  const quota = () =>
    inForce().config.localDelivery.kind === 'mailbox'
      ? quotaOf(quotaInForce(inForce()))
      : undefined;
  const judgesAuthors = () => inForce().config.submission.from === 'own';
  // `dev` judges nobody: any sender is right, and what an application claims is kept to be looked at.
  const { dev } = inForce().config;
  const owner = dev ? [] : [senderOwner({ accounts, addressMap, judgesAuthors })];
  const whole = qualifiedDomain({ isOurs: (domain) => addressMap().isOurs(domain) });
  const room = mailboxRoom({ quota, usage: (account) => expectedUsage(stores, account), clock });
  const authentication = dev ? [] : createAuthentication(parts);
  const chaos = parts.catcher === undefined ? [] : [parts.catcher.chaos.policy];
  const solicitation = noSoliciting({ classes: () => inForce().config.noSoliciting });
  const recipientDelimiter = () => inForce().config.recipientDelimiter;
  const since = recipientValidSince({ accounts, recipientDelimiter });
  const wishes = dev ? [] : [solicitation, since];
  const abuse = createAbuse(parts);
  const filters = createFilters(parts);
  const suppressions = suppression(stores.records);
  const policiesFor = (config: Config) => {
    const { accounts: limits, strangers } = dev ? noAbuse : abuse(config);
    const before = [...chaos, ...owner, ...limits, countedPolicy(suppressions, parts.metrics)];
    const after = [room, ...authentication, ...wishes, ...filters(config)];
    const { hooks } = config;
    const own = hooksPolicy({ hooks, deadline: hooks.deadline, clock, log: parts.log });
    const given = [countedPolicy(own, parts.metrics), ...brought];
    return {
      submission: byStage([...before, ...given, whole, ...after]),
      others: byStage([...before, ...strangers, ...given, ...after]),
    };
  };
  let known:
    | { readonly config: Config; readonly policies: ReturnType<typeof policiesFor> }
    | undefined;
  return (service) => {
    const { config } = inForce();
    if (known?.config !== config) known = { config, policies: policiesFor(config) };
    const { submission, others } = known.policies;
    return { policies: service === 'submission' ? submission : others, quota };
  };
}

/** What is in the mailbox, and what was accepted for it. */
async function expectedUsage({ folders, queue }: Stores, account: string): Promise<Quota> {
  const [stored, queued] = await Promise.all([folders.usage(account), queue.roomTaken(account)]);
  return {
    bytes: stored.bytes + queued.bytes,
    messages: stored.messages + queued.messages,
  };
}
