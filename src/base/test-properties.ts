// For tests: fast-check, with chance under control. `npm test` draws the same values each time, so that it is red for what
// was changed and for nothing else; a file run by itself draws new ones, and says with which seed it failed.
// POSTRIDER_TEST_SEED=N draws those of a seed, =random new ones under `npm test`, too.

import fc from 'fast-check';

const { POSTRIDER_TEST_SEED: asked = 'random' } = process.env;
if (asked !== 'random') {
  const seed = Number(asked);
  if (!Number.isInteger(seed)) throw new Error(`POSTRIDER_TEST_SEED: ${asked} is no whole number`);
  fc.configureGlobal({ seed });
}

export { fc };
