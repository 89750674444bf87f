// Writes until it is killed. Prints a line for each write that the store has acknowledged.
import { isMurkyError } from '../../src/errors.js';
import { tombstone } from '../../src/object/manifest.js';
import { ObjectStore } from '../../src/store/object-store.js';
import { CRASH_BED, crashValue } from './crash-bed.js';
import { put, version } from './objects.js';

const [folder = '', start = '0'] = process.argv.slice(2);
const store = await ObjectStore.open({ folder, ...CRASH_BED });
let at = Number(start);

async function write(): Promise<void> {
  for (;;) {
    const time = ++at;
    const key = time % 3 === 0 ? `cached-${time % 7}` : `replica-${time % 5}`;
    const cached = key.startsWith('cached');
    if (time % 11 === 0) {
      await store.begin().commit(tombstone(key, version(time)), cached ? 'cached' : 'replica');
    } else if (time % 13 === 0) {
      const writer = store.begin();
      await writer.write(0, crashValue(time).subarray(0, 1000));
      if (time % 2 === 0) await writer.abort();
    } else {
      try {
        await put(store, key, crashValue(time), version(time), cached ? 'cached' : 'replica', 100_000);
      } catch (error) {
        // On a fast disk the versions of the last 100 ms may fill the budget: a refusal, not a loss.
        if (!isMurkyError(error, 'MURKY_STORE_FULL')) throw error;
        await new Promise((resolve) => setTimeout(resolve, CRASH_BED.graceMs));
        continue;
      }
    }
    if (time % 13 !== 0 || time % 11 === 0) process.stdout.write(`${key} ${time}\n`);
  }
}

process.stdout.write('ready\n');
await Promise.all([write(), write(), write()]);
