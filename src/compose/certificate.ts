// The server's certificate, for all listeners: read before the server changes its user where only root
// may read it, made here after that, replaced while the listeners run.

import { join } from 'node:path';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/config.ts';
import type { TlsConfig } from '../config/tls.ts';
import { startServerTls } from '../net/listener.ts';
import type { Peer } from '../net/peer.ts';
import type { SocketPeer } from '../net/socket-peer.ts';
import type { LoadedServerTls, ServerTls, TlsSource } from '../net/tls.ts';
import { loadServerTls } from '../net/tls.ts';

export class Certificate {
  readonly #log: Log;
  #tls: LoadedServerTls | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Undefined where there is none, or none yet. */
  get tls(): ServerTls | undefined {
    return this.#tls;
  }

  /** Before the change of user: what may be in files that only root can read. @throws TlsError */
  async read(config: Config): Promise<void> {
    if (config.tls !== 'self-signed') this.#tls = await this.#load(config);
  }

  /** After it: what lies in the data directory, and is made there if need be. @throws TlsError */
  async make(config: Config): Promise<void> {
    if (config.tls === 'self-signed') this.#tls = await this.#load(config);
  }

  /** @throws TlsError: then the old one stays in force. */
  async reload(config: Config): Promise<void> {
    if (config.tls === undefined || this.#tls === undefined) this.#tls = await this.#load(config);
    else await this.#tls.reload(sourceOf(config.tls), loadOptions(config));
  }

  /** STARTTLS: from now on the connection is another Peer. */
  async startTls(peer: Peer): Promise<Peer> {
    if (this.#tls === undefined) throw new Error('STARTTLS without a certificate');
    return startServerTls(peer as SocketPeer, this.#tls);
  }

  async #load(config: Config): Promise<LoadedServerTls | undefined> {
    if (config.tls === undefined) return undefined;
    const tls = await loadServerTls(sourceOf(config.tls), loadOptions(config));
    for (const warning of tls.warnings) this.#log.warn(warning);
    return tls;
  }
}

const sourceOf = (tls: TlsConfig): TlsSource => (tls === 'self-signed' ? tls : tls.files);

const loadOptions = ({ dataDirectory, hostname, clientCertificates }: Config) => ({
  directory: join(dataDirectory, 'tls'),
  hostname,
  clientAuthorities: clientCertificates?.authorities,
});
