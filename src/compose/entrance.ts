// The entrance: sockets, who gets in by them, and the certificate that is shown there. All of it is had before the
// data directory is opened, since ports and keys may be root's alone.

import type { Config } from '../config/config.ts';
import { openDataDirectory } from '../store/files/directory.ts';
import type { Stores } from '../store/stores.ts';
import { Admission } from './admission.ts';
import type { Basics } from './basics.ts';
import { Certificate } from './certificate.ts';
import type { ListenersParts } from './listeners.ts';
import { Listeners } from './listeners.ts';

export interface Entrance {
  readonly certificate: Certificate;
  readonly admission: Admission;
  /** They are bound; what connects waits for a service. */
  readonly listeners: Listeners;
}

export interface EntranceOptions {
  readonly config: Config;
  /** Called once the ports are bound, before the data directory is opened. */
  readonly dropPrivileges?: () => void | Promise<void>;
  /** With these no data directory is needed. */
  readonly stores?: Stores;
}

/** @throws ListenError, TlsError, StorageError with a message for the operator. */
export async function openEntrance(
  { config, dropPrivileges, stores }: EntranceOptions,
  basics: Basics,
  undo: AsyncDisposableStack,
): Promise<Entrance> {
  const { clock, log, metrics } = basics;
  const certificate = new Certificate(log);
  metrics.readCertificates(certificate);
  const admission = new Admission(config, basics);
  const listeners = new Listeners({
    tls: () => certificate.tls,
    admitHandshake: admission.admitHandshake,
    ...turnedAway(admission),
    ...{ clock, log },
  });
  undo.defer(() => listeners.close(0));
  await certificate.read(config);
  await listeners.open(config.listeners, 'ports');
  await dropPrivileges?.();
  await listeners.open(config.listeners, 'sockets');
  if (stores === undefined) await openDataDirectory(config.dataDirectory);
  await certificate.make(config);
  return { certificate, admission, listeners };
}

/** A record of those who never come to a conversation. */
const turnedAway = ({
  refusals,
}: Admission): Pick<ListenersParts, 'onHandshakeFailure' | 'onProxyRefused'> => ({
  onHandshakeFailure: (service, client, { message: reason }) =>
    refusals.note({ service, client, stage: 'tls', reason }),
  onProxyRefused: (service, client, reason) =>
    refusals.note({ service, client, stage: 'connect', reason: `PROXY: ${reason}` }),
});
