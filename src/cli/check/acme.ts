// `check` and ACME: the certificates that an authority gave us, how long they are good, and what is in the way of those that
// are missing.

import type { CertificateState } from '../../acme/kept.ts';
import { certificateStates } from '../../acme/kept.ts';
import type { RemoteOperations } from '../../admin/control-client.ts';
import { systemClock } from '../../base/clock.ts';
import { firstLineOf } from '../../base/error-text.ts';
import { silentLog } from '../../base/log.ts';
import type { Finding } from '../../compose/published/finding.ts';
import { failure, ok, warning } from '../../compose/published/finding.ts';
import type { Config } from '../../config/config.ts';
import { certificatesIn, checkCertificate } from '../../net/certificate-check.ts';
import { openStores } from '../../store/open-stores.ts';
import type { StorePlace } from './accounts.ts';

/** From the server that runs, or from the store where there is one; a sentence where neither can be looked at. */
export async function readCertificates(
  running: RemoteOperations | undefined,
  store: StorePlace,
): Promise<readonly CertificateState[] | string> {
  try {
    if (running !== undefined) return await Array.fromAsync(running.certificateList());
    if (!store.exists) return [];
    store.prepare();
    await using stores = await openStores({
      ...{ ...store.place, log: silentLog, clock: systemClock(), brief: true },
    });
    return await certificateStates(stores.records);
  } catch (error) {
    return firstLineOf(error);
  }
}

export const isByAcme = ({ tls }: Config): boolean => acmeOf(tls) !== undefined;

export function acmeFindings(
  { tls, hostname }: Config,
  states: readonly CertificateState[] | string,
): Finding[] {
  const acme = acmeOf(tls);
  if (acme === undefined) return [];
  const path = 'tls.acme';
  if (typeof states === 'string')
    return [warning(path, `the certificates could not be looked at: ${states}`)];
  // What is kept of other names is of a configuration of before.
  const findings = acme.names.flatMap((names) => {
    const state = states.find((one) => one.names.join() === names.join());
    return findingsOf(names, state, path);
  });
  const isNamed = acme.names.flat().includes(hostname);
  if (isNamed) return findings;
  const text = `no certificate is for ${hostname}, which is the \`hostname\`: add it to \`names\``;
  return [...findings, warning(`${path}.names`, text)];
}

function findingsOf(
  names: readonly string[],
  state: CertificateState | undefined,
  path: string,
): Finding[] {
  const what = names.join(', ');
  const { certificate = null, failure: last = null } = state ?? {};
  const why = last === null ? [] : [attempted(last)];
  if (certificate === null)
    return [
      last === null
        ? warning(path, `${what}: no certificate yet; the server obtains it when it runs`)
        : failure(path, `${what}: no certificate; ${why.join('')}`),
    ];
  // Whether others know the authority is its affair, and there are some for tests.
  const [own] = certificatesIn(certificate);
  const ended = checkCertificate(certificate, undefined).find(({ message }) =>
    /^(?:expire|is not valid)/.test(message),
  );
  if (ended !== undefined) {
    const text = [`${what}: the certificate ${ended.message}`, ...why].join('; ');
    return [{ state: ended.severity, path, text }];
  }
  const until = `${what}: good until ${own?.validTo ?? 'an unknown day'}`;
  return [last === null ? ok(path, until) : warning(path, `${until}; ${why.join('')}`)];
}

const attempted = ({ reason, attempts, until }: NonNullable<CertificateState['failure']>): string =>
  `attempt ${attempts} came to nothing: ${reason}; the next one is at ${new Date(until).toISOString()}, or at once after \`postrider reload\``;

const acmeOf = (tls: Config['tls']) =>
  tls === undefined || tls === 'self-signed' ? undefined : tls.acme;
