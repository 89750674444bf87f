import { test } from 'uvu';
import { inFolder } from './beds.js';
import { simulate } from './simulation/run.js';

/** `npm run sim:store` runs more. */
const SEEDS = Array.from({ length: 2000 }, (_, seed) => seed);

test('on a disk that crashes and fails no value is lost or torn, and the budget holds', async () => {
  await inFolder(async (folder) => {
    for (const seed of SEEDS) await simulate(seed, folder);
  });
});

test.run();
