import type { Disk } from '../../../src/store/disk.js';
import { diskError } from '../../../src/store/disk-error.js';
import { setAsidePath } from '../../../src/store/rebuild.js';
import { MemoryFiles, NO_FAULTS, Power, type Turn } from './memory-files.js';
import { ModelTable } from './model-table.js';
import type { Seeded } from './seeded.js';

/** A disk in memory that can fail and lose its power; see MemoryFiles and ModelTable. */
export class MemoryDisk {
  readonly files: MemoryFiles;
  readonly #tables = new Map<string, ModelTable>();
  #tableFull = 0;
  #power = new Power();
  #takeBack = () => {};

  /** `turn` lets others run while the disk works. */
  constructor(
    private readonly random: Seeded,
    private readonly turn?: Turn,
  ) {
    this.files = new MemoryFiles(random);
  }

  /** The disk for one run of the store. */
  boot(): Disk {
    const power = new Power(this.turn);
    this.#power = power;
    const pass = () => power.pass(this.random);
    return {
      files: this.files.boot(power),
      makeFolder: async () => {},
      openTable: async (path, mode) => {
        await pass();
        const table = this.#tables.get(path) ?? (mode === 'new' ? new ModelTable(this.random) : undefined);
        if (!table) throw missing(path);
        this.#tables.set(path, table);
        table.full = this.#tableFull;
        return table.boot(power);
      },
      mirrorTable: async (path) => {
        await pass();
        const table = this.#tables.get(path)?.copy().boot(power);
        return { table: table ?? missing(path), close: async () => {} };
      },
      moveTable: async (from, to) => {
        await pass();
        const table = this.#tables.get(from);
        if (!table) return;
        this.#tables.set(to, table);
        this.#tables.delete(from);
      },
      salvageTable: async (path) => {
        await pass();
        return this.#tables.get(path)?.boot(power);
      },
      removeTable: async () => {},
      hasRoom: async () => this.random.chance(0.8),
      bytesIn: async () => 0,
    };
  }

  /** How likely a batch finds the disk full. */
  set tableFull(chance: number) {
    this.#tableFull = chance;
    for (const table of this.#tables.values()) table.full = chance;
  }

  /** Bytes of values whose key starts with `letter`, in the table of a folder. */
  bytesOf(folder: string, letter: string): number {
    return this.#tables.get(`${folder}/index`)?.bytesOf(letter) ?? 0;
  }

  /** The power goes, and what was not synced with it, or only the process. */
  crash(what: 'power' | 'process' = 'power'): void {
    this.#power.on = false;
    if (what === 'power') {
      this.files.crash();
      for (const table of this.#tables.values()) table.crash();
      this.#takeBack();
      return;
    }
    this.files.flush();
    for (const table of this.#tables.values()) table.flush();
  }

  /** The files of the index are lost: all of them, or so that a part of its records can still be read. */
  loseIndex(folder: string): void {
    const table = this.#tables.get(`${folder}/index`);
    this.#tables.delete(`${folder}/index`);
    this.#tables.delete(setAsidePath(folder));
    if (table && this.random.chance(0.5)) this.#tables.set(setAsidePath(folder), table.remains());
  }

  /** From now on it says that it syncs and does not: a power cut takes it back to what is synced now. */
  lie(): void {
    const parts = [this.files.hold(), ...[...this.#tables.values()].map((table) => table.hold())];
    this.#takeBack = () => {
      for (const takeBack of parts) takeBack();
    };
  }

  /** What a power cut now would leave for certain in the index of a folder; a key's bytes are the characters given. */
  synced(folder: string, latinKey: string): Buffer | undefined {
    return this.#tables.get(`${folder}/index`)?.synced(latinKey);
  }

  calm(): void {
    this.files.faults = NO_FAULTS;
    this.tableFull = 0;
  }
}

const missing = (path: string) => diskError(new Error(`${path}: does not exist (create_if_missing is false)`), path);
