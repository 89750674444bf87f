// Puts cached copies of all sizes into a store, four at a time, and tells of each, until it is killed.
import { ObjectStore } from '../../src/store/object-store.js';
import { content, put, version } from './objects.js';

const WRITERS = 4;
const [folder = '', maxBytes = '', from = ''] = process.argv.slice(2);
const store = await ObjectStore.open({ folder, maxBytes: Number(maxBytes), wholeFolder: true, graceMs: 100 });
process.on('disconnect', () => process.exit(1));
let number = Number(from);
await Promise.all(
  Array.from({ length: WRITERS }, async () => {
    for (;;) {
      const mine = ++number;
      const value = content(mine % 3 === 0 ? 1000 : 30_000 + ((mine * 7919) % 2_000_000), mine);
      await put(store, `${mine % 100}`, value, version(mine), 'cached');
      process.send?.({ number: mine, bytes: value.length });
    }
  }),
);
