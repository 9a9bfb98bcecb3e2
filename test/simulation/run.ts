// Runs simulations: `node test/simulation/run.ts [SEED] [--seeds N] [--only queue|delivery|imap|nodes]`. With a
// seed that one, so that a failure can be repeated; without, fresh ones (20, or N). A failure prints
// its seed and ends with 1.

import { parseArgs } from 'node:util';
import { simulateDelivery } from './delivery.sim.ts';
import { simulateImap } from './imap.sim.ts';
import { simulateNodes } from './nodes.sim.ts';
import { simulateQueue } from './queue.sim.ts';

const { values, positionals } = parseArgs({
  options: { seeds: { type: 'string' }, only: { type: 'string' } },
  allowPositionals: true,
});
const first = Number(positionals[0] ?? Date.now() % 2 ** 32);
const count = Number(values.seeds ?? (positionals.length > 0 ? 1 : 20));

const simulations = new Map<string, (seed: number) => Promise<object>>([
  ['queue', simulateQueue],
  ['delivery', simulateDelivery],
  ['imap', simulateImap],
  ['nodes', simulateNodes],
]);
const chosen = [...simulations].filter(([name]) => (values.only ?? name) === name);

for (let seed = first; seed < first + count; seed += 1)
  for (const [name, simulate] of chosen) {
    try {
      console.log(name, JSON.stringify(await simulate(seed)));
    } catch (error) {
      console.error(error);
      const command = `node test/simulation/run.ts ${seed} --only ${name}`;
      console.error(`\nseed ${seed} of ${name} failed. To repeat it: ${command}`);
      process.exit(1);
    }
  }
