// One proof: several nodes under load, something that is done to them again and again, and a count of everything at the
// end. What was answered with 250 arrives; twice at most what was in flight when something was done to its node.

import type { ClusterOptions } from './cluster.ts';
import { Cluster } from './cluster.ts';
import type { Tally } from './ledger.ts';

export interface ProofOptions extends ClusterOptions {
  readonly seconds: number;
  /** Messages a second. */
  readonly rate: number;
  readonly say: (line: string) => void;
}

/** Done again and again while mail comes in; `round` counts from 0. What it began is over when it resolves. */
export type Disturbance = (cluster: Cluster, round: number) => Promise<void>;

export interface Proof extends Tally {
  readonly rounds: number;
  /** How often one node took another for dead: rightly, or since the machine was too busy. */
  readonly burials: number;
}

export async function prove(disturb: Disturbance, options: ProofOptions): Promise<Proof> {
  const { seconds, rate, say } = options;
  await using cluster = await Cluster.start(options);
  const { ledger } = cluster;
  const load = cluster.load(rate);
  const end = performance.now() + 1000 * seconds;
  let rounds = 0;
  for (; performance.now() < end; rounds += 1) {
    await disturb(cluster, rounds);
    say(`${rounds + 1} times, ${ledger.accepted} taken, ${ledger.missing.length} under way`);
  }
  await load.stop();
  await cluster.allBack();
  const tally = await cluster.settled();
  for (const id of [...tally.lost, ...tally.inexcusable]) say(ledger.storyOf(id));
  return { rounds, burials: cluster.burials, ...tally };
}
