// HTTP: what is served by it, and by which part of the server it is answered.

import type { OperationParts } from '../admin/operation-parts.ts';
import type { Operations } from '../admin/operations.ts';
import { messageOf } from '../admin/reading.ts';
import type { Clock } from '../base/clock.ts';
import type { Config } from '../config/config.ts';
import { ownStsPolicy } from '../config/own-sts-policy.ts';
import type { FoundMessage } from '../inbox/find-message.ts';
import { domainKey } from '../mail/fields/address.ts';
import { clientNetwork, wideNetwork } from '../net/client-network.ts';
import { createNetworks, isLoopback } from '../net/network.ts';
import type { AuditLog } from '../policy/administration/audit-log.ts';
import type { Stores } from '../store/stores.ts';
import type { ActiveSyncPathParts } from '../web/activesync.ts';
import { activeSyncPath, activeSyncPaths } from '../web/activesync.ts';
import { apiPaths } from '../web/api.ts';
import { cleanFramePath } from '../web/clean-frame.ts';
import { clientSetupPaths } from '../web/client-setup.ts';
import { consolePaths } from '../web/console.ts';
import { encryptedOnly, samePageByTls } from '../web/encrypted-only.ts';
import { eventPaths } from '../web/events.ts';
import { healthPaths } from '../web/health.ts';
import { createHttpService } from '../web/http-service.ts';
import { LargeRequests } from '../web/large-requests.ts';
import { type MailFrameParts, mailFramePaths } from '../web/mail-frame.ts';
import type { MailServer } from '../web/mail-server.ts';
import { mailpitPaths } from '../web/mailpit/mailpit.ts';
import { ownPartPaths } from '../web/own-part.ts';
import { requestRate } from '../web/request-rate.ts';
import { createWebApp } from '../web/web-app.ts';
import type { WellKnownParts } from '../web/well-known.ts';
import { wellKnownPaths } from '../web/well-known.ts';
import type { Happenings } from './happenings.ts';
import { apiParts } from './http-api.ts';
import type { InForce } from './in-force.ts';
import type { ListeningOn } from './listeners.ts';
import { countedConnections } from './metrics.ts';
import { ownPart } from './own-part.ts';
import type { ServiceFor, ServiceParts } from './service-parts.ts';
import { createWebLogin } from './web-login.ts';

export interface HttpParts extends ServiceParts, Pick<WellKnownParts, 'acmeChallenges'> {
  readonly operations: Operations;
  readonly operationParts: OperationParts;
  readonly audit: AuditLog;
  readonly happenings: Happenings;
  readonly activeSync: Omit<ActiveSyncPathParts, 'large'>;
  readonly listening: () => readonly ListeningOn[];
}

export function createHttp(parts: HttpParts): ServiceFor {
  const { inForce, admission, metrics, acmeChallenges, clock, log } = parts;
  const login = createWebLogin({ ...parts, loggedIn: metrics.logins.ok });
  const desks = parts.operationParts.server!;
  const large = new LargeRequests();
  const api = apiParts({ ...parts, large, asking: login.asking });
  const app = createWebApp({
    paths: [
      requestRate({
        clock,
        rate: () => inForce().config.http.requestsPerClient,
        isExempt: (address) => isNear(inForce(), address),
        networkOf: (address) => wideNetwork(clientNetwork(address)),
      }),
      healthPaths({
        unready: readiness(parts),
        metrics: metrics.snapshot,
        maySeeMetrics: (address) => maySeeMetrics(inForce(), address),
      }),
      ...['/postrider/*', ...activeSyncPaths].map((path) =>
        encryptedOnly(path, (address) => isNear(inForce(), address)),
      ),
      ...login.paths,
      apiPaths(api),
      eventPaths({ ...api, hub: parts.happenings.hub, clock: parts.clock }),
      mailFramePaths({
        ...api,
        message: (...asked) => mailOf(parts, ...asked),
      }),
      ownPartPaths(ownPart({ ...parts, ...login, large })),
      cleanFramePath,
      activeSyncPath({ ...parts.activeSync, large }),
      ...(parts.catcher === undefined
        ? []
        : [mailpitPaths(parts.catcher.paths({ ...api, ...desks, ...parts }))]),
      consolePaths({
        elsewhere: samePageByTls({
          isNear: (address) => isNear(inForce(), address),
          port: () => tlsPortOf(inForce().config),
        }),
      }),
      wellKnownPaths({ acmeChallenges, mtaStsPolicy: (domain) => ownPolicyOf(inForce(), domain) }),
      clientSetupPaths({
        servers: () => serversOf(inForce().config),
        isOurs: (domain) => isOurs(inForce().config, domain),
        activeSync: () => inForce().config.activeSync,
      }),
    ],
    answers: metrics.httpAnswers,
    log,
  });
  const connections = countedConnections(admission.connections, 'http', metrics);
  return () =>
    createHttpService({
      ...{ fetch: (...asked) => app.fetch(...asked), connections, random: parts.random, log },
    });
}

/** Of the first `http` listener that begins with TLS. */
const tlsPortOf = ({ listeners }: Config): number | undefined =>
  listeners.find(({ service, tls, port }) => service === 'http' && tls === 'implicit' && port)
    ?.port;

const mailOf = (
  { stores, inForce }: HttpParts,
  ...asked: Parameters<MailFrameParts['message']>
): Promise<FoundMessage> =>
  messageOf(
    { folders: stores.folders, accountOf: (each) => inForce().addressMap.accountOf(each) },
    ...asked,
  );

/** RFC 8461 §3.4: a subdomain is a domain of its own. */
const ownPolicyOf = ({ config }: InForce, domain: string): string | undefined =>
  isOurs(config, domain) ? ownStsPolicy(config) : undefined;

function isOurs({ domains }: Config, domain: string): boolean {
  const key = domainKey(domain);
  return domains.some((own) => domainKey(own) === key);
}

const kinds = [
  ['imap', 'imap'],
  ['pop3', 'pop3'],
  ['submission', 'smtp'],
] as const;

/** With TLS from the first byte rather than by STARTTLS: RFC 8314 §3. What is on loopback alone is for nobody. */
function serversOf({ hostname, listeners }: Config): readonly MailServer[] {
  const host = domainKey(hostname);
  return kinds.flatMap(([service, kind]) =>
    (['implicit', 'starttls'] as const).flatMap((tls) =>
      listeners
        .filter((one) => one.service === service && one.tls === tls && one.path === undefined)
        .filter(({ hosts }) => !hosts.every(isLoopback))
        .map(({ port }) => ({ kind, host, port, tls })),
    ),
  );
}

/** Whoever comes by a Unix socket has no address, and is a program of this machine. */
const isNear = ({ trusted }: InForce, address: string): boolean =>
  address === '' || isLoopback(address) || trusted.has(address);

function maySeeMetrics(settings: InForce, address: string): boolean {
  const { metrics } = settings.config.http;
  if (isNear(settings, address)) return true;
  return metrics.length > 0 && createNetworks(metrics).has(address);
}

/** Limit: how long the store may take to answer, and for how long that holds. */
const answerMs = 2_000;
const holdsMs = 1_000;

interface ReadinessParts {
  readonly inForce: () => InForce;
  readonly listening: () => readonly ListeningOn[];
  readonly stores: Pick<Stores, 'queue'>;
  readonly clock: Clock;
}

/** All listeners bound, the store answers. Many who ask at once cost one look. */
function readiness({ inForce, listening, stores, clock }: ReadinessParts) {
  let last: { readonly at: number; readonly said: Promise<string | undefined> } | undefined;
  const look = async (): Promise<string | undefined> => {
    const wanted = inForce().config.listeners.flatMap(({ path, hosts }) =>
      path === undefined ? hosts : [path],
    );
    if (listening().length < wanted.length) return 'not all listeners are bound';
    const silent = Promise.withResolvers<string>();
    const cancel = clock.after(answerMs, () => silent.resolve('the store does not answer'));
    const answered = stores.queue.newest().then(
      () => undefined,
      () => 'the store answers with an error',
    );
    return Promise.race([answered, silent.promise]).finally(cancel);
  };
  return (): Promise<string | undefined> => {
    const now = clock.now();
    if (last === undefined || now - last.at >= holdsMs) last = { at: now, said: look() };
    return last.said;
  };
}
