import { test } from 'uvu';
import { hold } from './simulation/hold.js';

/** `npm run sim` runs more. */
const SEEDS = Array.from({ length: 200 }, (_, i) => 1000 + i);

/** Of these, each of which failed once, and why. */
const FAILED: Record<number, string> = {
  1003: 'who was cut off while a node left never heard of it',
  1038: 'a write rotted on the only disk that had it, which the checker did not excuse',
  1097: 'a node that had lost its disk was asked as the one that it had been, too, and counted as two owners',
  1148: 'likewise',
};

const rows = Array.from({ length: SEEDS.length / 50 }, (_, i) => SEEDS.slice(50 * i, 50 * (i + 1)));
for (const seeds of rows) {
  test(`through seeds ${seeds[0]} to ${seeds.at(-1)} of faults every promise is kept`, async () => {
    for (const seed of seeds) await hold(seed, FAILED[seed]);
  });
}

test.run();
