import { test } from 'uvu';
import { inFolder } from './beds.js';
import { simulate } from './simulation/run.js';

/** `npm run sim:store` runs more. */
const SEEDS = Array.from({ length: 2000 }, (_, seed) => seed);
/** Of later ones, those that found something. */
const FOUND = [
  25_268, // a start brought to the index what the journal then lost, as its sync failed
];

test('on a disk that crashes and fails no value is lost or torn, and the budget holds', async () => {
  await inFolder(async (folder) => {
    for (const seed of [...SEEDS, ...FOUND]) await simulate(seed, folder);
  });
});

test.run();
