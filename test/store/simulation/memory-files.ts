import { crc32Here } from '../../../src/seam/digest.js';
import type { Hole } from '../../../src/seam/punch-holes.js';
import { sumHeader } from '../../../src/store/block-record.js';
import type { FileHoles, Files, StoreFile } from '../../../src/store/files.js';
import type { Seeded } from './seeded.js';

const SECTOR_BYTES = 512;
/** Holes are whole blocks of the file system. */
const BLOCK_BYTES = 4096;

/** How likely each fault is, per call. */
export interface Faults {
  /** A write finds the disk full, after a part of it; creating a file finds it full. */
  readonly full: number;
  /** EIO. */
  readonly writeFails: number;
  readonly readFails: number;
  readonly syncFails: number;
  readonly syncDirectoryFails: number;
  readonly truncateFails: number;
  readonly unlinkFails: number;
  readonly punchFails: number;
  /** A sync that takes as long as hundreds of other calls. */
  readonly slowSync: number;
}

export const NO_FAULTS: Faults = {
  full: 0,
  writeFails: 0,
  readFails: 0,
  syncFails: 0,
  syncDirectoryFails: 0,
  truncateFails: 0,
  unlinkFails: 0,
  punchFails: 0,
  slowSync: 0,
};

const SLOW_TURNS = 200;

/** `hole` is the number of a block. */
type Change = { readonly at: number; readonly bytes: Buffer } | { readonly size: number } | { readonly hole: number };

/** Bytes that grow where they are, mostly. */
class Content {
  #room = Buffer.alloc(0);
  length = 0;
  /** Blocks that are not on the disk, and zeros. */
  holes = new Set<number>();

  get onDiskBytes(): number {
    return this.length - this.holes.size * BLOCK_BYTES;
  }

  get bytes(): Buffer {
    return this.#room.subarray(0, this.length);
  }

  set bytes(bytes: Buffer) {
    this.#room = Buffer.from(bytes);
    this.length = bytes.length;
    this.holes = new Set();
  }

  clone(): Content {
    const clone = new Content();
    clone.copy(this);
    return clone;
  }

  copy(from: Content): void {
    this.bytes = from.bytes;
    this.holes = new Set(from.holes);
  }

  apply(change: Change): void {
    if ('hole' in change) {
      // What a power cut took of the file is no hole in it.
      if ((change.hole + 1) * BLOCK_BYTES > this.length) return;
      this.#room.fill(0, change.hole * BLOCK_BYTES, (change.hole + 1) * BLOCK_BYTES);
      this.holes.add(change.hole);
      return;
    }
    const end = 'size' in change ? change.size : Math.max(this.length, change.at + change.bytes.length);
    if (end > this.#room.length) {
      const room = Buffer.alloc(Math.max(end, 2 * this.#room.length));
      this.#room.copy(room, 0, 0, this.length);
      this.#room = room;
    }
    // What is cut off is zero when the file grows over it again.
    if (end < this.length) this.#room.fill(0, end, this.length);
    this.length = end;
    for (const hole of this.holes) if ((hole + 1) * BLOCK_BYTES > end) this.holes.delete(hole);
    if ('size' in change) return;
    change.bytes.copy(this.#room, change.at);
    const written = change.at + change.bytes.length;
    for (let block = Math.floor(change.at / BLOCK_BYTES); block * BLOCK_BYTES < written; block++) {
      this.holes.delete(block);
    }
  }
}

/** A file: what programs see, and what a power cut leaves for certain. */
class Inode {
  readonly seen = new Content();
  readonly kept = new Content();
  unsynced: Change[] = [];
}

export type Turn = (random: Seeded) => Promise<void>;

/** What runs on this machine; nothing of it goes on after a crash. */
export class Power {
  on = true;

  constructor(private readonly turn: Turn = loopTurns) {}

  /** Lets others run; never returns once the power is off. */
  async pass(random: Seeded): Promise<void> {
    await this.turn(random);
    if (!this.on) await new Promise(() => {});
  }
}

async function loopTurns(random: Seeded): Promise<void> {
  for (let turns = random.below(3); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
}

const failure = (code: string) => Object.assign(new Error(`${code}: simulated`), { code });

/**
 * Files in memory that keep after a crash what POSIX promises and no more: synced bytes of files and synced names of
 * folders are there; of the rest each write may be there, be lost or be torn, and each name may be the old or the new.
 */
export class MemoryFiles {
  #power = new Power();
  readonly #folders = new Map<string, { seen: Map<string, Inode>; kept: Map<string, Inode> }>();
  faults: Faults = NO_FAULTS;

  /** Whether the file system has holes. */
  holes = false;
  /** Whether a sync makes them last; a file system may take its time. */
  keepHoles = true;
  /** Blocks that were given back to the disk. */
  punched = 0;
  /** Whether a file does in one go what takes two steps otherwise. */
  combined = false;

  constructor(private readonly random: Seeded) {}

  /** Bytes of the files of a folder on the disk, as programs see them. */
  bytesIn(folder: string): number {
    let bytes = 0;
    for (const inode of this.#folder(folder).seen.values()) bytes += inode.seen.onDiskBytes;
    return bytes;
  }

  /** The files as one run of the store has them; of no use after a crash. */
  boot(power: Power): Files {
    this.#power = power;
    return {
      makeFolder: async (path) => void this.#folder(path),
      list: async (path) => {
        await power.pass(this.random);
        const below = [...this.#folders.keys()].filter((folder) => split(folder)[0] === path);
        return [...this.#folder(path).seen.keys(), ...below.map((folder) => split(folder)[1])];
      },
      open: async (path, mode) => {
        await power.pass(this.random);
        const [folder, name] = split(path);
        const { seen } = this.#folder(folder);
        if (mode === 'new') {
          if (seen.has(name)) throw failure('EEXIST');
          this.#fail('full', 'ENOSPC');
          seen.set(name, new Inode());
        }
        const inode = seen.get(name);
        if (!inode) throw failure('ENOENT');
        return this.#file(inode, power);
      },
      unlink: async (path) => {
        await power.pass(this.random);
        const [folder, name] = split(path);
        this.#fail('unlinkFails', 'EIO');
        if (!this.#folder(folder).seen.delete(name)) throw failure('ENOENT');
      },
      syncDirectory: async (path) => {
        await power.pass(this.random);
        const folder = this.#folder(path);
        this.#fail('syncDirectoryFails', 'EIO');
        folder.kept = new Map(folder.seen);
      },
      freeBytes: async () => Number.MAX_SAFE_INTEGER,
    };
  }

  /** The power goes. What is on the disk now is what the next run finds. */
  crash(): void {
    this.#power.on = false;
    for (const folder of this.#folders.values()) {
      const names = new Map<string, Inode>();
      for (const name of new Set([...folder.kept.keys(), ...folder.seen.keys()])) {
        const inode = (this.random.chance(0.5) ? folder.kept : folder.seen).get(name);
        if (inode) names.set(name, inode);
      }
      folder.kept = names;
      folder.seen = new Map(names);
      for (const inode of new Set(names.values())) this.#lose(inode);
      for (const inode of new Set(names.values())) inode.seen.copy(inode.kept);
    }
  }

  /** The process ended, and the system writes what it had been given. */
  flush(): void {
    this.#power.on = false;
    for (const folder of this.#folders.values()) {
      folder.kept = new Map(folder.seen);
      for (const inode of folder.kept.values()) this.#write(inode);
    }
  }

  /** What is synced now; the returned function brings it back, whatever was synced since. */
  hold(): () => void {
    const held = [...this.#folders].map(([path, { kept }]) => {
      return [path, [...kept].map(([name, inode]) => [name, inode.kept.clone()] as const)] as const;
    });
    return () => {
      this.#folders.clear();
      for (const [path, files] of held) {
        const names = new Map<string, Inode>();
        for (const [name, content] of files) {
          const inode = new Inode();
          inode.kept.copy(content);
          inode.seen.copy(content);
          names.set(name, inode);
        }
        this.#folders.set(path, { kept: names, seen: new Map(names) });
      }
    };
  }

  /** Changes one byte of one file of a folder; false if there is none. */
  rotIn(folder: string): boolean {
    const inodes = [...this.#folder(folder).seen.values()].filter((inode) => inode.kept.length > 0);
    const inode = inodes[this.random.below(inodes.length)];
    if (!inode) return false;
    const at = this.random.below(inode.kept.length);
    inode.kept.bytes[at]! ^= 1;
    if (at < inode.seen.length) inode.seen.bytes[at]! ^= 1;
    return true;
  }

  #fail(fault: keyof Faults, code: string): void {
    if (this.faults[fault] > 0 && this.random.chance(this.faults[fault])) throw failure(code);
  }

  #write(inode: Inode): void {
    for (const one of inode.unsynced) if (this.keepHoles || !('hole' in one)) inode.kept.apply(one);
    inode.unsynced = [];
  }

  #folder(path: string) {
    const folder = this.#folders.get(path) ?? { seen: new Map(), kept: new Map() };
    this.#folders.set(path, folder);
    return folder;
  }

  /** What was not synced is, change by change, there, lost, or there in part. */
  #lose(inode: Inode): void {
    for (const change of inode.unsynced) {
      const fate = this.random.below(3);
      if (fate === 0) inode.kept.apply(change);
      if (fate === 1 && 'bytes' in change) {
        for (let from = 0; from < change.bytes.length; from += SECTOR_BYTES) {
          if (this.random.chance(0.5)) continue;
          const bytes = change.bytes.subarray(from, from + SECTOR_BYTES);
          inode.kept.apply({ at: change.at + from, bytes });
        }
      }
    }
    inode.unsynced = [];
  }

  #file(inode: Inode, power: Power): StoreFile {
    const change = (one: Change) => {
      inode.seen.apply(one);
      inode.unsynced.push(one);
    };
    const holes: FileHoles = {
      bytes: async () => inode.seen.length - inode.seen.onDiskBytes,
      punch: async (parts: readonly Hole[]) => {
        await power.pass(this.random);
        for (const { offset, length } of parts) {
          for (let hole = Math.ceil(offset / BLOCK_BYTES); (hole + 1) * BLOCK_BYTES <= offset + length; hole++) {
            this.#fail('punchFails', 'EIO');
            if (inode.seen.holes.has(hole)) continue;
            change({ hole });
            this.punched++;
          }
        }
        return true;
      },
    };
    const file: StoreFile = {
      holes: this.holes ? holes : undefined,
      size: async () => inode.seen.length,
      write: async (parts, offset) => {
        const bytes = Buffer.concat(parts);
        await power.pass(this.random);
        for (const [fault, code] of [
          ['full', 'ENOSPC'],
          ['writeFails', 'EIO'],
        ] as const) {
          if (this.faults[fault] === 0 || !this.random.chance(this.faults[fault])) continue;
          change({ at: offset, bytes: bytes.subarray(0, this.random.below(bytes.length)) });
          throw failure(code);
        }
        change({ at: offset, bytes });
      },
      read: async (offset, length) => {
        await power.pass(this.random);
        this.#fail('readFails', 'EIO');
        return Buffer.from(inode.seen.bytes.subarray(offset, offset + length));
      },
      sync: async () => {
        const slow = this.faults.slowSync > 0 && this.random.chance(this.faults.slowSync);
        for (let turns = slow ? SLOW_TURNS : 1; turns > 0; turns--) await power.pass(this.random);
        if (this.faults.syncFails > 0 && this.random.chance(this.faults.syncFails)) {
          // What a failed sync did not write is not written by the next one either.
          this.#lose(inode);
          throw failure('EIO');
        }
        this.#write(inode);
      },
      truncate: async (size) => {
        await power.pass(this.random);
        this.#fail('truncateFails', 'EIO');
        change({ size });
      },
      close: async () => {},
    };
    if (!this.combined) return file;
    return {
      ...file,
      writeSynced: async (parts, offset) => {
        await file.write(parts, offset);
        await file.sync();
      },
      writeRecords: async (parts, headers, offset) => {
        for (const at of headers) sumHeader(parts[at] as Buffer, parts[at + 1]!, crc32Here);
        await file.write(parts, offset);
      },
    };
  }
}

function split(path: string): [folder: string, name: string] {
  const at = path.lastIndexOf('/');
  return [path.slice(0, at), path.slice(at + 1)];
}
