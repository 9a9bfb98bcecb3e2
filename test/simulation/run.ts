// Runs simulations: `node test/simulation/run.ts [SEED] [--seeds N]`. With a seed that one, so that a
// failure can be repeated; without, fresh ones (20, or N). A failure prints its seed and ends with 1.

import { parseArgs } from 'node:util';
import { simulateQueue } from './queue.sim.ts';

const { values, positionals } = parseArgs({
  options: { seeds: { type: 'string' } },
  allowPositionals: true,
});
const first = Number(positionals[0] ?? Date.now() % 2 ** 32);
const count = Number(values.seeds ?? (positionals.length > 0 ? 1 : 20));

for (let seed = first; seed < first + count; seed += 1) {
  try {
    console.log(JSON.stringify(await simulateQueue(seed)));
  } catch (error) {
    console.error(error);
    console.error(`\nseed ${seed} failed. To repeat it: node test/simulation/run.ts ${seed}`);
    process.exit(1);
  }
}
