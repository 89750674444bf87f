import { isMurkyError } from '../../../src/errors.js';
import { resourceId } from '../../../src/object/key.js';
import { type Manifest, tombstone } from '../../../src/object/manifest.js';
import { recordBytes } from '../../../src/store/block-record.js';
import type { Role } from '../../../src/store/contract.js';
import { ObjectStore } from '../../../src/store/object-store.js';
import { type Finding, verifyFolder } from '../../../src/store/verify.js';
import { ManualClock } from '../manual-clock.js';
import { content, manifestOf, putManifest, version } from '../objects.js';
import { MemoryDisk } from './memory-disk.js';
import { NO_FAULTS } from './memory-files.js';
import { Seeded } from './seeded.js';

const BLOCK = 20_000;
const SEGMENT_BYTES = 3 * recordBytes(BLOCK);
const GRACE_MS = 60_000;
const KEYS = 6;
/** Most seeds are short, and many: each crash is at another place. Some are long, so that the budget is full for long. */
const SHORT = { runs: 2, steps: 4, maxBytes: 8 * BLOCK };
const LONG = { runs: 4, steps: 12, maxBytes: 16 * BLOCK };
const LONG_EVERY = 40;
/** It takes a third of what a seed takes. */
const VERIFIED_EVERY = 5;
/** Of the journal: with the least there are snapshots, and places that the index knows, all the time. */
const JOURNAL_BYTES = [1500, 10_000, 8 * 2 ** 20];
/** Errors that say that a write was refused. Whether it took place is open. */
const REFUSALS = ['MURKY_STORE_FULL', 'MURKY_DISK_FULL', 'MURKY_DATA_DIR_UNUSABLE'];

/** What may be found of one key. Cached copies may also be gone. */
interface Known {
  readonly key: string;
  readonly role: Role;
  /** The newest version that was acknowledged, 0 if none. */
  acknowledged: number;
  /** Later ones that were begun: each may be there or not. */
  readonly begun: Set<number>;
}

export interface Tally {
  writes: number;
  refusals: number;
  crashes: number;
  rebuilds: number;
  damaged: number;
  mended: number;
  /** Blocks that a broken-off write had left for the next one. */
  resumed: number;
  /** Blocks of 4 KiB that were given back to the disk where they were. */
  punched: number;
}

/** A run has one kind of fault, or none. */
const FAULTS = [
  'none',
  'full',
  'writeFails',
  'readFails',
  'syncFails',
  'syncDirectoryFails',
  'truncateFails',
  'unlinkFails',
  'slowSync',
  'tableFull',
] as const;
const FAULTS_WITH_HOLES = [...FAULTS, 'punchFails'] as const;

/** Half of the seeds, and all long ones, have a file system with holes. */
const hasHoles = (seed: number): boolean => seed % 8 < 4;

/** Half of the seeds, of either kind, and all long ones, have files that do in one go what takes two steps. */
const isCombined = (seed: number): boolean => seed % 4 < 2;

/** The value that version `time` has; undefined for a tombstone. */
function writtenAt(time: number): Buffer | undefined {
  if (time % 7 === 0) return undefined;
  const size = time % 3 === 0 ? (time * 37) % 3000 : (time * 7919) % (3 * BLOCK);
  const value = values.get(time) ?? content(size, time);
  values.set(time, value);
  return value;
}

/** Versions are the same few in every seed. */
const values = new Map<number, Buffer>();
const manifests = new Map<string, Manifest>();
const abandoned = content(BLOCK, 1);
const resumed = content(3 * BLOCK, 2);
const resumedManifest = manifestOf('resumed', resumed, version(1), BLOCK);

/** Most of what a seed takes would be the hashes. */
function manifestAt(key: string, time: number, value: Buffer): Manifest {
  const name = `${key} ${time}`;
  const manifest = manifests.get(name) ?? manifestOf(key, value, version(time), BLOCK);
  manifests.set(name, manifest);
  return manifest;
}

/** One seed: runs of a store on a disk that fails, each ended by a crash, checked after each. Throws what is wrong. */
class Simulation {
  readonly #random: Seeded;
  readonly #disk: MemoryDisk;
  readonly #clock = new ManualClock();
  readonly #known: Known[] = Array.from({ length: KEYS }, (_, i) => ({
    key: `key-${i}`,
    role: i % 2 === 0 ? 'replica' : 'cached',
    acknowledged: 0,
    begun: new Set(),
  }));
  readonly tally: Tally = {
    writes: 0,
    refusals: 0,
    crashes: 0,
    rebuilds: 0,
    damaged: 0,
    mended: 0,
    resumed: 0,
    punched: 0,
  };
  #time = 0;
  #store!: ObjectStore;
  /** Bytes were changed behind the store's back, or could not be read: blocks may be damaged, but never wrong. */
  #mayBeDamaged = false;
  readonly #length: typeof SHORT;
  readonly #journalBytes: number;

  constructor(
    private readonly seed: number,
    private readonly folder: string,
  ) {
    this.#length = seed % LONG_EVERY === 0 ? LONG : SHORT;
    this.#random = new Seeded(seed);
    this.#journalBytes = JOURNAL_BYTES[this.#random.below(JOURNAL_BYTES.length)]!;
    this.#disk = new MemoryDisk(this.#random);
    this.#disk.files.holes = hasHoles(seed);
    this.#disk.files.combined = isCombined(seed);
  }

  async run(): Promise<Tally> {
    for (let run = 0; run < this.#length.runs; run++) {
      await this.#open();
      this.#rot();
      await this.#checkAll();
      this.#chooseFaults();
      const ended = new Set<number>();
      const workers = [0, 1, 2].map((worker) => this.#work(worker).then(() => ended.add(worker)));
      const steps = 20 + this.#random.below(50 * this.#length.steps);
      for (let step = 0; step < steps && ended.size < workers.length; step++) {
        await new Promise((resolve) => setImmediate(resolve));
        this.#checkBudget();
        if (this.#random.chance(0.02)) this.#clock.advance(this.#random.below(GRACE_MS));
      }
      this.#end();
    }
    await this.#open();
    await this.#checkAll();
    this.tally.punched = this.#disk.files.punched;
    if (this.seed % VERIFIED_EVERY === 0) await this.#verify();
    return this.tally;
  }

  async #open(): Promise<void> {
    const disk = this.#disk.boot();
    const { folder } = this;
    this.#store = await ObjectStore.open({
      folder,
      disk,
      clock: this.#clock,
      maxBytes: this.#length.maxBytes,
      graceMs: GRACE_MS,
      segmentBytes: SEGMENT_BYTES,
      journalBytes: this.#journalBytes,
    });
    this.#checkBudget();
  }

  /** What `murky verify` says of the folder in the end: no crash and no fault leaves an entry that fits no other. */
  async #verify(): Promise<void> {
    await this.#store.close();
    const damage = new Set<string>();
    const finding = ({ kind, what }: Finding) => {
      if (kind !== 'block' || !this.#mayBeDamaged) damage.add(what);
    };
    await verifyFolder(this.folder, { finding, advance() {} }, this.#disk.boot());
    if (damage.size > 0) throw new Error(`murky verify finds damage: ${[...damage].join(' ')}`);
  }

  #chooseFaults(): void {
    const faults = hasHoles(this.seed) ? FAULTS_WITH_HOLES : FAULTS;
    const kind = faults[this.#random.below(faults.length)]!;
    if (kind === 'none') return;
    if (kind === 'tableFull') this.#disk.tableFull = 0.03;
    else this.#disk.files.faults = { ...NO_FAULTS, [kind]: 0.05 };
    // A block that cannot be read counts as damaged; so does one that the reclaimer could not read, and left.
    if (kind === 'readFails') this.#mayBeDamaged = true;
  }

  /** How the run ends, and what has become of the disk when the next one begins. */
  #end(): void {
    const kind = this.#random.below(10);
    this.#disk.crash(kind < 3 ? 'process' : 'power');
    this.tally.crashes++;
    this.#disk.calm();
    if (kind === 0) {
      // The index is lost while nothing else is: small values are gone with it, and nothing else may be.
      this.#disk.loseIndex(this.folder);
      this.#mayBeDamaged = true;
      this.tally.rebuilds++;
    }
  }

  /**
   * A bit of a block turns. Not between a power cut and the start: a block of the last batch that is damaged then cannot
   * be told from one that was never written.
   */
  #rot(): void {
    if (!this.#random.chance(0.1)) return;
    this.#mayBeDamaged = this.#disk.files.rotIn(`${this.folder}/segments`) || this.#mayBeDamaged;
  }

  /** Writes to keys of its own, so that it is known which version of a key is the newest. */
  async #work(worker: number): Promise<void> {
    const own = this.#known.filter((_, i) => i % 3 === worker);
    for (let step = 0; step < this.#length.steps; step++) {
      const known = own[this.#random.below(own.length)]!;
      const kind = this.#random.below(10);
      try {
        if (kind < 6) await this.#write(known);
        else if (kind === 6) await (step % 2 === 0 ? this.#abandon() : this.#resume());
        else if (kind === 7) await this.#store.dropCached(resourceId(known.key));
        else await this.#check(known);
      } catch (error) {
        this.#refused(error);
        this.#clock.advance(1001);
      }
    }
  }

  async #write(known: Known): Promise<void> {
    const time = ++this.#time;
    const value = writtenAt(time);
    known.begun.add(time);
    if (value) await putManifest(this.#store, manifestAt(known.key, time, value), value, known.role);
    else await this.#store.begin().commit(tombstone(known.key, version(time)), known.role);
    this.#acknowledge(known, time);
    this.tally.writes++;
  }

  async #abandon(): Promise<void> {
    const writer = this.#store.begin();
    await writer.write(0, abandoned);
    if (this.#random.chance(0.5)) await writer.abort();
  }

  /** Writes an object of which nobody else knows, is broken off, or goes on where it was: what is left of it is right. */
  async #resume(): Promise<void> {
    const writer = await this.#store.resume(resumedManifest);
    for (let index = 0; index < resumedManifest.blockHashes.length; index++) {
      const expected = resumed.subarray(index * BLOCK, (index + 1) * BLOCK);
      const left = writer.has(index) ? await writer.read(index) : undefined;
      if (left && !expected.equals(left)) throw new Error(`Block ${index} that was left is not what was written.`);
      if (left) this.tally.resumed++;
      else await writer.write(index, expected);
      if (this.#random.chance(0.7)) continue;
      if (this.#random.chance(0.7)) await writer.suspend();
      return;
    }
    await writer.commit(resumedManifest, 'cached');
    await writer.suspend();
    await this.#store.dropCached(resumedManifest.id);
  }

  #refused(error: unknown): 'refused' {
    if (!isMurkyError(error) || !REFUSALS.includes(error.code)) throw error;
    this.tally.refusals++;
    return 'refused';
  }

  #acknowledge(known: Known, time: number): void {
    known.acknowledged = time;
    for (const begun of known.begun) if (begun <= time) known.begun.delete(begun);
  }

  async #checkAll(): Promise<void> {
    for (const known of this.#known) await this.#check(known);
  }

  /** The key is at a version that it may be at, and that one is whole. */
  async #check(known: Known): Promise<void> {
    const manifest = await this.#store.current(resourceId(known.key));
    if (!manifest) {
      if (known.role === 'replica' && known.acknowledged > 0) throw this.#wrong(known, 'is lost');
      return;
    }
    const time = Number(manifest.version.time);
    if (time !== known.acknowledged && !known.begun.has(time)) throw this.#wrong(known, `is at ${time}`);
    this.#acknowledge(known, time);
    const expected = writtenAt(time);
    if (manifest.tombstone !== (expected === undefined)) throw this.#wrong(known, 'is not what was written');
    if (!expected) return;
    for (let index = 0; index < manifest.blockHashes.length; index++) {
      await this.#checkBlock(known, manifest, index, expected.subarray(index * BLOCK, (index + 1) * BLOCK));
    }
  }

  /** The block is sound, or its damage is told and it can be mended, as with what another node has. */
  async #checkBlock(known: Known, { id, version }: Manifest, index: number, expected: Buffer): Promise<void> {
    try {
      const block = await this.#store.block(id, version, index);
      if (block ? !expected.equals(block) : known.role === 'replica')
        throw this.#wrong(known, 'is not what was written');
      return;
    } catch (error) {
      if (!isMurkyError(error, 'MURKY_BLOCK_CORRUPT') || !this.#mayBeDamaged) throw error;
      this.tally.damaged++;
    }
    const mended = await this.#store.mend(id, version, index, expected).catch((error) => this.#refused(error));
    if (mended === 'refused') return;
    if (!mended && known.role === 'replica') throw this.#wrong(known, 'could not be mended');
    if (this.#disk.files.faults.readFails > 0) return;
    if ((await this.#store.check(id, version, index)) === 'damaged') throw this.#wrong(known, 'is damaged when mended');
    this.tally.mended++;
  }

  #checkBudget(): void {
    const bytes = this.#disk.files.bytesIn(`${this.folder}/segments`) + this.#disk.bytesOf(this.folder, 'v');
    const { maxBytes } = this.#length;
    if (bytes > maxBytes + recordBytes(BLOCK)) throw new Error(`${bytes} bytes are on the disk, ${maxBytes} may be.`);
  }

  #wrong({ key, acknowledged, begun }: Known, what: string): Error {
    return new Error(`${key} ${what}; acknowledged ${acknowledged}, begun ${[...begun].join(' ')}.`);
  }
}

/** Throws what is wrong, with the seed. A failure in the background is one too. `folder` exists and stays empty. */
export async function simulate(seed: number, folder: string): Promise<Tally> {
  let fail: (error: unknown) => void = () => {};
  const background = new Promise<never>((_, reject) => {
    fail = reject;
  });
  process.on('unhandledRejection', fail);
  try {
    return await Promise.race([new Simulation(seed, folder).run(), background]);
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
  } finally {
    process.off('unhandledRejection', fail);
  }
}
