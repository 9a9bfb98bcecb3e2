// The server's certificates, for all listeners: read before the server changes its user where only root
// may read them, made here or taken from the store after that, replaced while the listeners run.

import { join } from 'node:path';
import type { Obtained } from '../acme/certificate-keeper.ts';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/config.ts';
import type { TlsConfig } from '../config/settings/tls.ts';
import { startServerTls } from '../net/listener.ts';
import type { Peer } from '../net/peer.ts';
import { loadSelfSigned } from '../net/self-signed.ts';
import type { SocketPeer } from '../net/socket-peer.ts';
import type { LoadedServerTls, ServerTls, TlsSource } from '../net/tls.ts';
import { loadServerTls } from '../net/tls.ts';
import { answeringAuthorities, challengeContext } from '../net/tls-alpn.ts';

export class Certificate {
  readonly #log: Log;
  #tls: LoadedServerTls | undefined;
  /** From an authority. */
  #obtained: readonly Obtained[] = [];
  /** What authorities are shown, by name. */
  readonly #challenges = new Map<string, ReturnType<typeof challengeContext>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Undefined where there is none, or none yet. */
  get tls(): ServerTls | undefined {
    const tls = this.#tls;
    if (tls === undefined || this.#challenges.size === 0) return tls;
    return answeringAuthorities(tls, this.#challenges);
  }

  /** When the first of them ends, in milliseconds since 1970. */
  get expires(): number | undefined {
    const ends = this.#tls?.certificates.map(({ validToDate }) => validToDate.getTime()) ?? [];
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  /** Before the change of user: what may be in files that only root can read. @throws TlsError */
  async read(config: Config): Promise<void> {
    if (isFromFiles(config.tls)) this.#tls = await this.#load(config);
  }

  /** After it: what lies in the data directory, and is made there if need be. @throws TlsError */
  async make(config: Config): Promise<void> {
    if (config.tls === 'self-signed') this.#tls = await this.#load(config);
  }

  /** @throws TlsError: then the old one stays in force. */
  async reload(config: Config): Promise<void> {
    if (config.tls === undefined || this.#tls === undefined) this.#tls = await this.#load(config);
    else await this.#tls.reload(await this.#sourceOf(config.tls, config), loadOptions(config));
  }

  /** These are there now, in the order of the configuration. @throws TlsError */
  async use(obtained: readonly Obtained[], config: Config): Promise<void> {
    this.#obtained = obtained;
    await this.reload(config);
  }

  /** From now on this is shown to authorities who ask for the name; undefined: nothing any more. */
  show(name: string, pair: Parameters<typeof challengeContext>[0] | undefined): void {
    if (pair === undefined) this.#challenges.delete(name);
    else this.#challenges.set(name, challengeContext(pair));
  }

  /** STARTTLS: from now on the connection is another Peer. */
  async startTls(peer: Peer): Promise<Peer> {
    if (this.#tls === undefined) throw new Error('STARTTLS without a certificate');
    return startServerTls(peer as SocketPeer, this.#tls);
  }

  async #load(config: Config): Promise<LoadedServerTls | undefined> {
    if (config.tls === undefined) return undefined;
    const tls = await loadServerTls(await this.#sourceOf(config.tls, config), loadOptions(config));
    for (const warning of tls.warnings)
      this.#log.warn('certificate is doubtful', { problem: warning });
    return tls;
  }

  /** What an authority has not given us yet is made here; it is for whoever asks for no name. */
  async #sourceOf(tls: TlsConfig, config: Config): Promise<TlsSource> {
    if (tls === 'self-signed') return tls;
    const { files, acme } = tls;
    if (acme === undefined) return files;
    const [first] = acme.names;
    const isThere = this.#obtained.some(({ names }) => names.join() === first?.join());
    const own = isThere ? [] : [await loadSelfSigned(loadOptions(config))];
    return [
      ...own.map(({ certificate, privateKey }) => ({ certificate, privateKey })),
      ...this.#obtained,
      ...files,
    ];
  }
}

const isFromFiles = (tls: TlsConfig | undefined): boolean =>
  tls !== undefined && tls !== 'self-signed' && tls.acme === undefined;

const loadOptions = ({ dataDirectory, hostname, clientCertificates }: Config) => ({
  directory: join(dataDirectory, 'tls'),
  hostname,
  clientAuthorities: clientCertificates?.authorities,
});
