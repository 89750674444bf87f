/** The store of bench/store/churn.ts: argv is folder, budget in bytes, first and last operation, seed. */
import { existsSync, readFileSync } from 'node:fs';
import { isMurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import { tombstone } from '../../src/object/manifest.js';
import { ObjectStore } from '../../src/store/object-store.js';
import { inParallel, KIB, MIB, nodeDisk, putObject, Values } from './workload.js';

export interface ChurnReport {
  readonly operations: number;
  readonly residentBytes: number;
  /** Of these, pages of files: the program itself, and what LevelDB has mapped. The kernel may drop them. Linux only. */
  readonly residentFileBytes: number | undefined;
  readonly segments: number;
  readonly logBytes: number;
  readonly deadBytes: number;
  readonly objects: number;
  /** In this life of the process. */
  readonly refused: number;
}

const WORKERS = 128;
const REPORT_OPERATIONS = 1000;
const KEYS = 200_000;
const REPLICA_KEYS = 4000;
/** Overwritten versions stay so long; at this rate the default of a minute would be more than the budget. */
const GRACE_MS = 1000;
/** proc_pid_status(5). */
const STATUS = '/proc/self/status';

const [folder = '', budget = '', from = '', to = '', seed = ''] = process.argv.slice(2);
const store = await ObjectStore.open({
  folder,
  maxBytes: Number(budget),
  wholeFolder: true,
  graceMs: GRACE_MS,
  disk: nodeDisk,
});
const values = new Map([KIB, 4 * KIB, 20 * KIB, 40 * KIB, MIB].map((bytes) => [bytes, new Values(bytes)]));
let refused = 0;

const orphaned = () => process.exit(1);
process.on('disconnect', orphaned);
let operations = Number(from);
await inParallel(WORKERS, operations, Number(to), async (number) => {
  await operate(number);
  if (++operations % REPORT_OPERATIONS === 0) send();
});
await store.close();
process.off('disconnect', orphaned);
process.disconnect();

/** What operation `number` is, is the same for the same seed. */
async function operate(number: number): Promise<void> {
  const dice = hash(number);
  const replica = dice % 10 === 0;
  const key = replica ? `replica-${hash(dice) % REPLICA_KEYS}` : `cached-${hash(dice) % KEYS}`;
  const kind = hash(dice + 1) % 100;
  try {
    if (kind < 80) {
      const size = sizeOf(hash(dice + 2) % 1000);
      const role = replica ? 'replica' : 'cached';
      await values.get(size)!.use(number, (value) => putObject(store, key, value, number + 1, role));
    } else if (kind < 90) {
      await store.begin().commit(tombstone(key, { time: BigInt(number + 1), node: 1n }), 'replica');
    } else {
      const manifest = await store.current(resourceId(key));
      for (let i = 0; i < (manifest?.blockHashes.length ?? 0); i++) {
        await store.block(manifest!.id, manifest!.version, i);
      }
    }
  } catch (error) {
    if (!isMurkyError(error, 'MURKY_STORE_FULL')) throw error;
    refused++;
  }
}

function sizeOf(perMille: number): number {
  if (perMille < 300) return KIB;
  if (perMille < 600) return 4 * KIB;
  if (perMille < 800) return 20 * KIB;
  return perMille < 990 ? 40 * KIB : MIB;
}

function send(): void {
  const { segments, bytes: logBytes, deadBytes } = store.logUse();
  const { objects } = store.stats();
  process.send?.({
    operations,
    residentBytes: process.memoryUsage.rss(),
    residentFileBytes: residentFileBytes(),
    segments,
    logBytes,
    deadBytes,
    objects,
    refused,
  } satisfies ChurnReport);
}

function residentFileBytes(): number | undefined {
  if (!existsSync(STATUS)) return undefined;
  const kib = /^RssFile:\s+(\d+) kB$/m.exec(readFileSync(STATUS, 'utf8'))?.[1];
  return kib === undefined ? undefined : Number(kib) * KIB;
}

/** A well mixed 31-bit number (the finalizer of MurmurHash3). */
function hash(number: number): number {
  let h = Math.imul(number ^ Math.imul(Number(seed), 0x9e3779b1), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) & 0x7fffffff;
}
