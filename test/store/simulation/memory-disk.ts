import type { Disk } from '../../../src/store/disk.js';
import { MemoryFiles, Power, type Turn } from './memory-files.js';
import { ModelTable } from './model-table.js';
import type { Seeded } from './seeded.js';

/** A disk in memory that can fail and lose its power; see MemoryFiles and ModelTable. */
export class MemoryDisk {
  readonly files: MemoryFiles;
  readonly table: ModelTable;
  #power = new Power();

  /** `turn` lets others run while the disk works. */
  constructor(
    private readonly random: Seeded,
    private readonly turn?: Turn,
  ) {
    this.files = new MemoryFiles(random);
    this.table = new ModelTable(random);
  }

  /** The disk for one run of the store. */
  boot(): Disk {
    const power = new Power(this.turn);
    this.#power = power;
    return {
      files: this.files.boot(power),
      makeFolder: async () => {},
      openTable: async () => {
        await power.pass(this.random);
        return this.table.boot(power);
      },
      moveTable: async () => {},
      salvageTable: async () => undefined,
      removeTable: async () => {},
      hasRoom: async () => this.random.chance(0.8),
    };
  }

  crash(): void {
    this.#power.on = false;
    this.files.crash();
  }

  calm(): void {
    this.files.faults = { full: 0, syncFails: 0, readFails: 0 };
    this.table.full = 0;
  }
}
