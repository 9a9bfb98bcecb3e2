// Logging in to the console by name and password: administrators by their names, accounts by their addresses. Guesses
// are slowed and cut off by the same throttle as everywhere else, those at a second factor, too. App passwords are
// for mail programs and open nothing here.

import type { AccountStore } from '../../store/account-store.ts';
import { createAuthenticator } from '../accounts/authenticator.ts';
import type { LoginParts } from '../accounts/login.ts';
import { Login } from '../accounts/login.ts';
import type { Administrator, AdministratorsParts, Credentials } from './administrators.ts';
import { checkPassword, findAdministrator } from './administrators.ts';
import type { SessionOwner } from './web-sessions.ts';

export type ConsoleLogin =
  | { readonly kind: 'logged-in'; readonly owner: SessionOwner }
  /** The second factor is missing. */
  | { readonly kind: 'code' }
  | { readonly kind: 'refused'; readonly reason: 'credentials' | 'blocked' | 'temporary' };

export interface ConsoleLoginParts
  extends Omit<LoginParts, 'authenticator'>,
    Pick<AdministratorsParts, 'records'> {
  readonly accounts: Pick<AccountStore, 'find' | 'credentials' | 'secret'>;
}

export function createConsoleLogin(
  parts: ConsoleLoginParts,
): (given: Credentials, client: string) => Promise<ConsoleLogin> {
  const { accounts, clock } = parts;
  const ofAccounts = createAuthenticator({
    clock,
    accounts: {
      find: (address) => accounts.find(address),
      secret: () => accounts.secret(),
      credentials: async (address) =>
        (await accounts.credentials(address)).filter(({ name }) => name === ''),
    },
  });
  return async (given, address) => {
    const client = { remote: { address, port: 0 }, tls: undefined };
    const isAccount = given.name.includes('@');
    let lacksCode = false;
    const login = new Login({
      ...parts,
      authenticator: {
        ...ofAccounts,
        async verifyPassword(name, password) {
          if (isAccount) return ofAccounts.verifyPassword(name, password);
          const verdict = await checkPassword(parts, { ...given, name, password });
          lacksCode = verdict.kind === 'code';
          // Counted like a wrong password, and forgiven with it, when the code has come.
          return verdict.kind === 'right' ? verdict.administrator.name : undefined;
        },
      },
    });
    const result = await login.password(given.name, given.password, client);
    if (result.kind === 'logged-in') {
      const kind = isAccount ? 'account' : 'administrator';
      return { kind: 'logged-in', owner: { kind, name: result.account } };
    }
    const reason = result.kind === 'refused' ? result.reason : 'temporary';
    if (reason === 'credentials' && lacksCode) return { kind: 'code' };
    return reason === 'credentials' || reason === 'blocked'
      ? { kind: 'refused', reason }
      : { kind: 'refused', reason: 'temporary' };
  };
}

/** What a session of theirs stands on: another value when the password or the rights have changed. */
export const administratorProof = ({ created, changed }: Administrator): string =>
  `${created} ${changed}`;

export async function proofOfOwner(
  {
    records,
    accounts,
    signsOn,
  }: Pick<ConsoleLoginParts, 'records' | 'accounts'> & {
    /** Whether the configuration still lets them in who come from the identity provider. */
    readonly signsOn: (name: string) => boolean;
  },
  { kind, name }: SessionOwner,
): Promise<string | undefined> {
  if (kind === 'single-sign-on') return signsOn(name) ? 'configured' : undefined;
  if (kind === 'administrator') {
    const administrator = await findAdministrator({ records }, name);
    return administrator && administratorProof(administrator);
  }
  const credentials = await accounts.credentials(name);
  const main = credentials.find((one) => one.name === '');
  // Of an account without a password the provider vouches alone.
  return (await accounts.find(name)) && `${main?.created ?? 'none'}`;
}
