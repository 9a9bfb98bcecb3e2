// Before anything else is loaded: an older Node fails at the first thing it does not know, in words that
// help nobody. So the entry points import nothing but this, and what they export is loaded behind it.

import { createRequire } from 'node:module';

const needed = 26;

if (Number.parseInt(process.versions.node, 10) < needed) {
  const error = new Error(
    `postrider needs Node ${needed} or newer, and this is Node ${process.versions.node}: install it, or add the npm package \`node@${needed}\` to your project and start your program with \`npx node\``,
  );
  error.code = 'ERR_NODE_TOO_OLD';
  error.stack = `Error: ${error.message}`; // where it was noticed is of no interest
  throw error;
}

export const load = createRequire(import.meta.url);
