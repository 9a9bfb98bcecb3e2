// Several nodes as processes of their own on one database, with a ledger of what goes through them.

import { ask } from '../../src/store/postgres/test-cluster.ts';
import { freePorts } from '../ports.ts';
import type { RunningProcess } from '../process.ts';
import { eventually, startProcess } from '../process.ts';
import type { NextHop } from '../scenarios/wire.ts';
import type { Tally } from './ledger.ts';
import { Ledger } from './ledger.ts';
import type { Door, Load } from './load.ts';
import { idOf, mailboxHere, pause, startLoad, startSink } from './load.ts';

export interface ClusterOptions {
  readonly url: string;
  /** Where what is in the queue is counted at the end, if not there. */
  readonly countAt?: string | undefined;
  readonly nodes: number;
  /** As the configuration has it. */
  readonly nodeTimeout: string;
  readonly more?: Readonly<Record<string, unknown>>;
  /** Where the next hop listens, for all of them. */
  readonly hop?: string;
  /** Where a node is, if not beside the others. */
  readonly places?: ReadonlyMap<string, Place>;
}

/** In a network of its own. */
export interface Place {
  /** What the node's command is preceded by. */
  readonly within: readonly string[];
  /** Its own address, where mail is taken. */
  readonly host: string;
  /** How it sees the database. */
  readonly url: string;
}

export class Cluster implements AsyncDisposable {
  readonly ledger = new Ledger();
  readonly #processes = new Map<string, RunningProcess>();
  readonly #doors: Door[] = [];
  /** Of processes that have ended. */
  readonly #logs: string[] = [];
  readonly #away = new Map<string, Promise<void>>();
  readonly #sink: NextHop;
  readonly #url: string;

  private constructor(url: string, sink: NextHop) {
    this.#url = url;
    this.#sink = sink;
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    const ledger: { current?: Ledger } = {};
    const sink = await startSink(() => ledger.current!, options.hop);
    const cluster = new Cluster(options.countAt ?? options.url, sink);
    ledger.current = cluster.ledger;
    try {
      await cluster.#start(options);
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start({ url, nodes, nodeTimeout, more, hop, places }: ClusterOptions): Promise<void> {
    for (const [i, port] of (await freePorts(nodes)).entries()) {
      const node = `n${i + 1}`;
      const place = places?.get(node);
      const { host = '127.0.0.1', within } = place ?? {};
      const config = {
        hostname: `${node}.cluster.test`,
        domains: ['example.org'],
        store: { kind: 'postgres', url: place?.url ?? url, node, connections: 8, nodeTimeout },
        listeners: [{ service: 'smtp', host, port }],
        trustedNetworks: ['127.0.0.1/32', '10.0.0.0/8'],
        routes: [{ domain: '*', host: hop ?? '127.0.0.1', port: this.#sink.port, tls: 'none' }],
        // What could not be read from a database that was away is tried again within the proof.
        queue: { retryAfter: ['5s'] },
        ...more,
      };
      this.#doors.push({ host, port });
      this.#processes.set(node, await startProcess(config, undefined, within));
    }
    const [first] = this.#processes.values();
    await first!.commandWithInput('horse\n', 'account', 'add', mailboxHere, '--password-stdin');
    await pause(1500); // others know the account a second later
  }

  get names(): readonly string[] {
    return [...this.#processes.keys()];
  }

  process(node: string): RunningProcess {
    return this.#processes.get(node)!;
  }

  load(rate: number): Load {
    return startLoad({
      ...{ ledger: this.ledger, doors: this.#doors, rate, clients: 2 * this.#doors.length },
    });
  }

  async kill(node: string): Promise<void> {
    await this.process(node).end('SIGKILL');
    this.ledger.killed(node);
  }

  async restart(node: string): Promise<void> {
    this.#logs.push(this.process(node).log());
    this.#processes.set(node, await this.process(node).restart());
  }

  /** It is away until that is done. */
  comeBack(node: string, how: () => Promise<void>): void {
    this.#away.set(node, how());
  }

  /** Resolves when it is not away. */
  async back(node: string): Promise<void> {
    await this.#away.get(node);
  }

  /** Resolves when one of the others is not away. */
  async otherBack(node: string): Promise<void> {
    const others = this.names.filter((name) => name !== node);
    await Promise.any(others.map((name) => this.back(name)));
  }

  async allBack(): Promise<void> {
    await Promise.all(this.#away.values());
  }

  /** When all that was accepted has arrived, and nothing is in the queue. */
  async settled(): Promise<Tally> {
    await eventually(async () => {
      if (this.ledger.missing.length > 0) return undefined;
      return (await this.#queued()).length === 0 ? true : undefined;
    }, 'everything to arrive').catch(async (error: unknown) => {
      const logs = [...this.#processes].map(([node, { log }]) => `${node}: ${log().slice(-3000)}`);
      const left = JSON.stringify([this.ledger.missing, await this.#queued()]);
      throw new Error(`${left}\n${logs.join('\n')}`, { cause: error });
    });
    const [first] = this.#processes.values();
    this.ledger.forgetStored();
    const listed = await first!.command('mail', 'list', mailboxHere, '--json');
    for (const line of listed.split('\n').filter(Boolean)) {
      const { subject } = JSON.parse(line) as { subject: string };
      this.ledger.stored(idOf(`X-Id: ${subject};`) ?? '?');
    }
    this.#noteBurials();
    return this.ledger.tally();
  }

  /** How often one took another for dead. */
  burials = 0;

  /** Where processes wait for a processor, others may take a node for dead that nothing was done to. */
  #noteBurials(): void {
    const logs = [...this.#logs, ...[...this.#processes.values()].map((one) => one.log())];
    for (const line of logs.join('\n').split('\n')) {
      if (!line.includes('"node is dead"')) continue;
      this.burials += 1;
      const { node, time } = JSON.parse(line) as { node: string; time: string };
      this.ledger.killed(node, Date.now() - Date.parse(time));
    }
  }

  async #queued(): Promise<readonly object[]> {
    const { rows } = await ask(
      this.#url,
      `SELECT m.id, r.owner, r.at, r.attempts, r.reply, (SELECT jsonb_agg(n) FROM node n) AS nodes
       FROM recipient r JOIN message m ON m.key = r.message LIMIT 20`,
    );
    return rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes.values()) await process[Symbol.asyncDispose]();
    await this.#sink[Symbol.asyncDispose]();
  }
}
