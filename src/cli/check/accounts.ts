// `check`, accounts and aliases: who gets mail, and who is meant to and does not.

import type { RemoteOperations } from '../../admin/control-client.ts';
import { systemClock } from '../../base/clock.ts';
import { firstLineOf } from '../../base/error-text.ts';
import { silentLog } from '../../base/log.ts';
import type { Finding } from '../../compose/published/finding.ts';
import { warning } from '../../compose/published/finding.ts';
import { aliasAdvice } from '../../config/alias-graph.ts';
import type { Config } from '../../config/config.ts';
import { domainKey } from '../../mail/fields/address.ts';
import { heldAccounts } from '../../policy/abuse/account-holds.ts';
import { DomainPatterns } from '../../policy/addresses/domain-patterns.ts';
import { openStores } from '../../store/open-stores.ts';
import type { OpenStoresOptions } from '../../store/stores.ts';

export type KnownAccounts =
  | {
      readonly kind: 'known';
      readonly accounts: readonly (readonly string[])[];
      /** Those that may not send for a while, with the reason. */
      readonly held: readonly { readonly account: string; readonly reason: string }[];
    }
  /** `why` is a sentence. */
  | { readonly kind: 'unknown'; readonly why: string };

/** Where the stores are that a server would open. */
export interface StorePlace {
  readonly exists: boolean;
  readonly place: Pick<OpenStoresOptions, 'directory' | 'store'>;
  /** Before they are opened. */
  readonly prepare: () => void;
}

/** Each account with its addresses, from the server that runs or from the store where there is one. */
export async function readAccounts(
  running: RemoteOperations | undefined,
  store: StorePlace,
): Promise<KnownAccounts> {
  try {
    if (running !== undefined) {
      const lines = await Array.fromAsync(running.accountList());
      const held = lines.flatMap(({ address, held }) =>
        held === null ? [] : [{ account: address, reason: held.reason }],
      );
      return { kind: 'known', accounts: lines.map(({ addresses }) => addresses), held };
    }
    if (!store.exists) return { kind: 'known', accounts: [], held: [] };
    store.prepare();
    await using stores = await openStores({
      ...{ ...store.place, log: silentLog, clock: systemClock(), brief: true },
    });
    const accounts = await stores.accounts.list();
    return {
      kind: 'known',
      accounts: accounts.map(({ address, addresses }) => [address, ...addresses]),
      held: [...(await heldAccounts(stores.records)).values()],
    };
  } catch (error) {
    return { kind: 'unknown', why: firstLineOf(error) };
  }
}

export function accountFindings(config: Config, known: KnownAccounts): Finding[] {
  const findings: Finding[] = [];
  if (known.kind === 'unknown')
    findings.push(warning('', `the accounts could not be looked at: ${known.why}`));
  const accounts = known.kind === 'known' ? known.accounts : [];
  const keys = new Set(accounts.flat());
  const advice = aliasAdvice({
    ...config,
    isAccount: (key) => known.kind === 'unknown' || keys.has(key),
  });
  findings.push(
    ...advice.map(({ severity, path, message }) => ({ state: severity, path, text: message })),
  );
  if (known.kind === 'unknown') return findings;
  if (config.domains.length > 0 && accounts.length === 0)
    findings.push(
      warning('domains', 'there are no accounts: create one with `postrider account add ADDRESS`'),
    );
  const held = known.held.map(({ account, reason }) =>
    warning(
      '',
      `${account} may not send for a while: it sent ${reason}; \`postrider account release ${account}\``,
    ),
  );
  return [...findings, ...held, ...foreignAccounts(config, accounts)];
}

/** Limit: further ones are counted, not named. */
const foreignShown = 20;

function foreignAccounts({ domains }: Config, accounts: readonly (readonly string[])[]): Finding[] {
  const ours = new DomainPatterns(domains);
  const isOurs = (address: string) =>
    ours.matches(domainKey(address.slice(address.lastIndexOf('@') + 1))).length > 0;
  const foreign = accounts.flat().filter((address) => !isOurs(address));
  const findings = [...new Set(foreign)]
    .slice(0, foreignShown)
    .map((address) =>
      warning(
        'domains',
        `${address} is an account's, but its domain is not here: mail for it is not delivered`,
      ),
    );
  if (foreign.length > foreignShown)
    findings.push(warning('domains', `and ${foreign.length - foreignShown} more such addresses`));
  return findings;
}
