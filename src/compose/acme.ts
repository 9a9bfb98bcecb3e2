// Certificates by ACME: the keeper of acme/, with the ways by which this server shows that names are its own. Of several nodes
// one is at it, and an authority may ask any of them: what is shown is kept where all nodes find it.

import { setTimeout as wait } from 'node:timers/promises';
import type { KeeperSettings } from '../acme/certificate-keeper.ts';
import { CertificateKeeper } from '../acme/certificate-keeper.ts';
import type { ChallengeType, Solver } from '../acme/challenges.ts';
import { dnsRecord } from '../acme/challenges.ts';
import { changeDns } from '../acme/dns-hook.ts';
import { AcmeError } from '../acme/messages.ts';
import type { RevocationReason } from '../acme/revocation.ts';
import { ShownProofs } from '../acme/shown-proofs.ts';
import { OperationError } from '../admin/operation.ts';
import { unreachable } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import { sleep } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import type { AcmeConfig } from '../config/settings/acme.ts';
import { HttpError, httpRequest } from '../net/http-request.ts';
import type { Stores } from '../store/stores.ts';
import type { Certificate } from './certificate.ts';
import type { ServerMetrics } from './metrics.ts';

export interface AcmeParts {
  readonly certificate: Certificate;
  readonly stores: Pick<Stores, 'records' | 'nodes'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Pick<ServerMetrics, 'certificates'>;
}

export class Acme implements Disposable {
  readonly #parts: AcmeParts;
  readonly #shown: ShownProofs;
  readonly #stopping = new AbortController();
  #config: Config;
  #keeper: CertificateKeeper | undefined;
  #started = false;

  constructor(config: Config, parts: AcmeParts) {
    this.#config = config;
    this.#parts = parts;
    const { certificate, stores, clock, log } = parts;
    this.#shown = new ShownProofs({
      ...{ records: stores.records, clock, log },
      show: (name, pair) => certificate.show(name, pair),
    });
  }

  /** What is to be shown for a token, by whichever node it was ordered. RFC 8555 §8.3. */
  readonly challenges = (token: string): Promise<string | undefined> => this.#shown.find(token);

  /** Puts those that there are in force, and one of our own where there is none. @throws TlsError */
  async load(): Promise<void> {
    await this.change(this.#config);
  }

  /** What is missing is obtained from now on. */
  start(): void {
    const { records } = this.#parts.stores;
    this.#started = true;
    this.#keeper?.start();
    this.#shown.watch();
    for (const kind of ['acme-certificate', 'acme-failure'] as const)
      records.watch(kind, () => this.#keeper?.refresh());
  }

  /** Another configuration is in force. @throws TlsError */
  async change(config: Config): Promise<void> {
    this.#config = config;
    const settings = this.#settings(config);
    if (settings === undefined) {
      this.#keeper?.stop();
      this.#keeper = undefined;
    } else if (this.#keeper === undefined) {
      this.#keeper = this.#open(settings);
      await this.#keeper.load();
      if (this.#started) this.#keeper.start();
    } else await this.#keeper.change(settings);
  }

  /** Resolves to the names of the certificate. @throws OperationError */
  readonly revoke = async (name: string, reason: RevocationReason): Promise<readonly string[]> => {
    if (this.#keeper === undefined) throw new OperationError('no certificates come by ACME here');
    try {
      return await this.#keeper.revoke(name.toLowerCase(), reason);
    } catch (error) {
      if (!(error instanceof AcmeError || error instanceof HttpError)) throw error;
      throw new OperationError(error.message);
    }
  };

  [Symbol.dispose](): void {
    this.stop();
  }

  stop(): void {
    this.#stopping.abort();
    this.#keeper?.stop();
  }

  #open(settings: KeeperSettings): CertificateKeeper {
    const { certificate, stores, clock, random, log, metrics } = this.#parts;
    return new CertificateKeeper(settings, {
      ...{ records: stores.records, inTurn: stores.nodes.inTurn },
      ...{ clock, random, log, results: metrics.certificates },
      onChange: async (obtained) => {
        const [first] = acmeOf(this.#config)?.names ?? [];
        if (!obtained.some(({ names }) => names.join() === first?.join()))
          log.warn('self-signed until there is a certificate', { domains: first });
        await certificate.use(obtained, this.#config);
      },
    });
  }

  #settings(config: Config): KeeperSettings | undefined {
    const acme = acmeOf(config);
    if (acme === undefined) return undefined;
    const { authorities: ca } = acme;
    const { signal } = this.#stopping;
    return {
      ...acme,
      solvers: acme.challenges.map((type) => this.#solver(type, acme)),
      send: (request) =>
        httpRequest({ ...request, signal, ...(ca !== undefined && { tls: { ca } }) }),
    };
  }

  #solver(type: ChallengeType, { dns, dnsWait }: AcmeConfig): Solver {
    const { stores, clock } = this.#parts;
    switch (type) {
      case 'http-01':
      case 'tls-alpn-01':
        return {
          type,
          present: async (proof) => {
            await this.#shown.present(type, proof);
            // The other nodes have it by then; by http-01 they look when they are asked.
            if (type === 'tls-alpn-01' && stores.nodes.number !== 0)
              await sleep(clock, everywhereMs);
          },
          withdraw: (proof) => this.#shown.withdraw(proof),
        };
      case 'dns-01': {
        const hook = dns ?? (() => {});
        const { signal } = this.#stopping;
        return {
          type,
          present: async (proof) => {
            await changeDns(hook, { action: 'add', ...dnsRecord(proof) });
            await wait(dnsWait, undefined, { signal }).catch(stopped);
          },
          withdraw: (proof) => changeDns(hook, { action: 'remove', ...dnsRecord(proof) }),
        };
      }
      default:
        return unreachable(type);
    }
  }
}

/** Within which every node has heard of a change, or looked for it. */
const everywhereMs = 2_500;

const stopped = (): never => {
  throw new HttpError('aborted', 'the server stops');
};

const acmeOf = ({ tls }: Config): AcmeConfig | undefined =>
  tls === undefined || tls === 'self-signed' ? undefined : tls.acme;
