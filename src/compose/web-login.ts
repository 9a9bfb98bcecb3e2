// Who asks over HTTP: tokens, sessions of people who logged in, by password, passkey or the operator's identity
// provider; and the record of it.

import { noteEnd } from '../admin/audited.ts';
import type { Counter } from '../base/metrics.ts';
import { version } from '../base/version.ts';
import type { Config } from '../config/config.ts';
import type { OidcConfig } from '../config/settings/web.ts';
import { addressKey } from '../mail/fields/address.ts';
import { isLoopback } from '../net/network.ts';
import { findApiToken } from '../policy/accounts/api-tokens.ts';
import {
  AdministratorError,
  addPasskey,
  findAdministrator,
  findPasskey,
  passkeyUsed,
} from '../policy/administration/administrators.ts';
import type { AuditLog } from '../policy/administration/audit-log.ts';
import { createConsoleLogin, proofOfOwner } from '../policy/administration/console-login.ts';
import type { SessionOwner } from '../policy/administration/web-sessions.ts';
import { closeSession, findSession, openSession } from '../policy/administration/web-sessions.ts';
import type { Asker } from '../web/asking.ts';
import { Asking, askerText, refusal } from '../web/asking.ts';
import type { PasskeyParts, PasskeyStore } from '../web/session/passkeys.ts';
import { passkeyPaths } from '../web/session/passkeys.ts';
import type { Opening, SessionParts } from '../web/session/session.ts';
import { sessionPaths } from '../web/session/session.ts';
import type { SingleSignOnParts } from '../web/session/single-sign-on.ts';
import { singleSignOnPaths } from '../web/session/single-sign-on.ts';
import type { WebApp } from '../web/web-app.ts';
import type { ServiceParts } from './service-parts.ts';

export interface WebLoginParts
  extends Pick<ServiceParts, 'inForce' | 'stores' | 'admission' | 'clock' | 'log'> {
  readonly audit: AuditLog;
  readonly loggedIn: Counter;
}

export interface WebLogin {
  readonly asking: Asking;
  /** By name and password; failures count. */
  readonly login: SessionParts['login'];
  readonly paths: readonly ((app: WebApp) => void)[];
}

export function createWebLogin(parts: WebLoginParts): WebLogin {
  const { inForce, stores, admission, clock, log } = parts;
  const { throttle, refusals } = admission;
  const sessions = createSessions(parts);
  const asking = new Asking({
    bearer: async (token) => {
      const found = await findApiToken(stores, token);
      return found && { kind: 'token', name: found.name, allows: found.allows };
    },
    session: sessions.find,
    // Loopback is trusted in `dev` alone: elsewhere it may be anybody's proxy.
    needsNoToken: (address) => {
      const { config } = inForce();
      return config.dev && (isLoopback(address) || isForAll(config));
    },
    isLoopback,
  });
  const login = loginOf(parts);
  const common = { asking, open: sessions.open };
  const passkeys: PasskeyParts = {
    ...{ ...common, clock },
    keys: passkeyStore(parts),
    throttle: {
      admits(client) {
        const isAdmitted = throttle.check(client).kind === 'go';
        if (!isAdmitted) refusals.loginFailed({ client, mechanism: 'passkey', reason: 'blocked' });
        return isAdmitted;
      },
      failed(client) {
        throttle.failed(client);
        refusals.loginFailed({ client, mechanism: 'passkey', reason: 'credentials' });
      },
    },
    hostname: () => inForce().config.hostname,
  };
  return {
    ...{ asking, login },
    paths: [
      sessionPaths({
        ...common,
        close: sessions.close,
        login,
        about: () => aboutOf(inForce().config),
      }),
      passkeyPaths(passkeys),
      singleSignOnPaths({
        ...{ open: sessions.open, clock, log },
        refused: (failure) => refusals.loginFailed(failure),
        ...singleSignOn(parts),
      }),
    ],
  };
}

/**
 * Who lets `dev` listen on a network wants it to be seen from there, unless inboxes have logins of their own, which would be
 * worth nothing then.
 */
export const isForAll = ({ listeners, catcher }: Config): boolean =>
  !listensAtHome(listeners) && (catcher === undefined || catcher.inboxes.size === 0);

const listensAtHome = (
  listeners: readonly { readonly service: string; readonly hosts: readonly string[] }[],
): boolean =>
  listeners.every(({ service, hosts }) => service !== 'http' || hosts.every(isLoopback));

function loginOf({
  stores,
  admission,
  clock,
  log,
  loggedIn,
}: WebLoginParts): SessionParts['login'] {
  const { throttle, refusals } = admission;
  const { records, accounts } = stores;
  return createConsoleLogin({ records, accounts, throttle, refusals, clock, log, loggedIn });
}

/** Sessions, each opening and closing on record. */
function createSessions({ stores, clock, inForce, audit }: WebLoginParts) {
  const { records, accounts } = stores;
  const own = { records, clock };
  const signsOn = (name: string) => isAdministratorBy(inForce().config.http.oidc, name);
  const proofOf = (owner: SessionOwner) => proofOfOwner({ records, accounts, signsOn }, owner);
  const find = async (secret: string): Promise<Asker | undefined> => {
    const session = await findSession(own, secret, proofOf);
    return session && askerOf(session.owner);
  };
  const askerOf = async ({ kind, name }: SessionOwner): Promise<Asker | undefined> => {
    if (kind === 'account') return { kind, name };
    if (kind === 'single-sign-on') return { kind: 'administrator', name, allows: ['all'] };
    const administrator = await findAdministrator(own, name);
    return administrator && { kind, name, allows: administrator.allows };
  };
  return {
    find,
    async open({ owner, client, program }: Opening) {
      const [asker, proof] = [await askerOf(owner), await proofOf(owner)];
      if (asker === undefined || proof === undefined) throw refusal(401, 'nobody has this name');
      const secret = await openSession(own, { owner, proof, client, program });
      const by = { who: askerText(asker), client };
      audit.note({ ...by, what: 'login', input: { program }, outcome: 'done' });
      return { secret, asker };
    },
    async close(secret: string) {
      const asker = await find(secret);
      await closeSession(own, secret);
      if (asker === undefined) return;
      audit.note({ who: askerText(asker), client: '', what: 'logout', input: {}, outcome: 'done' });
    },
  };
}

/** Passkeys of administrators; a new one is on record. */
export function passkeyStore({
  stores,
  clock,
  audit,
}: Pick<WebLoginParts, 'stores' | 'clock' | 'audit'>): PasskeyStore {
  const parts = { records: stores.records, clock };
  return {
    of: async (name) => (await findAdministrator(parts, name))?.passkeys ?? [],
    async find(id) {
      const found = await findPasskey(parts, id);
      return found && { name: found.administrator.name, passkey: found.passkey };
    },
    add: (owner, passkey, client) => {
      const adding = addPasskey(parts, owner, passkey);
      const input = { name: owner, passkey: passkey.name };
      noteEnd(audit, { who: `administrator ${owner}`, client, what: 'passkeyAdd', input }, adding);
      return adding.catch((error: unknown) => {
        if (error instanceof AdministratorError) throw refusal(400, error.message);
        throw error;
      });
    },
    used: (name, passkey) => passkeyUsed(parts, name, passkey),
  };
}

function singleSignOn({
  inForce,
  stores,
}: WebLoginParts): Pick<SingleSignOnParts, 'settings' | 'ownerOf'> {
  return {
    settings() {
      const { oidc, url } = inForce().config.http;
      if (oidc === undefined || url === undefined) return undefined;
      const { issuer, clientId, clientSecret } = oidc;
      const insecure = issuer.startsWith('http:');
      return { ...{ issuer, clientId, clientSecret, insecure }, url: url.replace(/\/$/, '') };
    },
    async ownerOf({ subject, email }) {
      const { oidc } = inForce().config.http;
      const address = email?.includes('@') ? email : undefined;
      // A provider may let people choose it: it is never taken for an address, which would not be verified.
      const name = subject.includes('@') ? undefined : subject;
      for (const one of [address, name])
        if (one !== undefined && isAdministratorBy(oidc, one))
          return { kind: 'single-sign-on', name: one };
      if (oidc?.accounts !== true || address === undefined) return undefined;
      const account = await stores.accounts.find(addressKey(address));
      return account && { kind: 'account', name: account.address };
    },
  };
}

/** Addresses in whatever case. OpenID Connect Core 1.0 §2: subjects exactly as they are. */
const isAdministratorBy = (oidc: OidcConfig | undefined, name: string): boolean =>
  oidc?.administrators.some((one) =>
    one.includes('@') ? one.toLowerCase() === name.toLowerCase() : one === name,
  ) === true;

function aboutOf({ dev, hostname, http, listeners }: Config) {
  const oidc = http.oidc === undefined ? {} : { oidc: { name: http.oidc.name } };
  const smtp = listeners.find(({ service }) => service === 'smtp');
  const caught = dev && smtp !== undefined ? { smtpPort: smtp.port } : {};
  return { dev, version, hostname, ...caught, login: { password: !dev, passkey: !dev, ...oidc } };
}
