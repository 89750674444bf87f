import type { Files, StoreFile } from '../../../src/store/files.js';
import type { Seeded } from './seeded.js';

const SECTOR_BYTES = 512;

/** How likely each fault is, per call. */
export interface Faults {
  full: number;
  syncFails: number;
  readFails: number;
}

type Change = { readonly at: number; readonly bytes: Buffer } | { readonly size: number };

/** A file: what programs see, and what a power cut leaves for certain. */
class Inode {
  seen: Buffer = Buffer.alloc(0);
  kept: Buffer = Buffer.alloc(0);
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

function applied(bytes: Buffer, change: Change): Buffer {
  if ('size' in change) {
    const cut = Buffer.alloc(change.size);
    bytes.copy(cut);
    return cut;
  }
  const end = change.at + change.bytes.length;
  const grown = end > bytes.length ? Buffer.concat([bytes, Buffer.alloc(end - bytes.length)]) : Buffer.from(bytes);
  change.bytes.copy(grown, change.at);
  return grown;
}

const failure = (code: string) => Object.assign(new Error(`${code}: simulated`), { code });

/**
 * Files in memory that keep after a crash what POSIX promises and no more: synced bytes of files and synced names of
 * folders are there; of the rest each write may be there, be lost or be torn, and each name may be the old or the new.
 */
export class MemoryFiles {
  #power = new Power();
  readonly #folders = new Map<string, { seen: Map<string, Inode>; kept: Map<string, Inode> }>();
  faults: Faults = { full: 0, syncFails: 0, readFails: 0 };

  constructor(private readonly random: Seeded) {}

  /** Bytes of the files of a folder, as programs see them. */
  bytesIn(folder: string): number {
    let bytes = 0;
    for (const inode of this.#folder(folder).seen.values()) bytes += inode.seen.length;
    return bytes;
  }

  /** The files as one run of the store has them; of no use after a crash. */
  boot(power: Power): Files {
    this.#power = power;
    return {
      makeFolder: async (path) => void this.#folder(path),
      list: async (path) => {
        await power.pass(this.random);
        return [...this.#folder(path).seen.keys()];
      },
      open: async (path, mode) => {
        await power.pass(this.random);
        const [folder, name] = split(path);
        const { seen } = this.#folder(folder);
        if (mode === 'new') {
          if (seen.has(name)) throw failure('EEXIST');
          seen.set(name, new Inode());
        }
        const inode = seen.get(name);
        if (!inode) throw failure('ENOENT');
        return this.#file(inode, power);
      },
      unlink: async (path) => {
        await power.pass(this.random);
        const [folder, name] = split(path);
        if (!this.#folder(folder).seen.delete(name)) throw failure('ENOENT');
      },
      syncDirectory: async (path) => {
        await power.pass(this.random);
        const folder = this.#folder(path);
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
      for (const inode of new Set(names.values())) inode.seen = Buffer.from(inode.kept);
    }
  }

  /** Changes one byte of one file; false if there is none. */
  rot(): boolean {
    const inodes = [...this.#folders.values()].flatMap(({ seen }) => [...seen.values()]).filter((i) => i.kept.length);
    const inode = inodes[this.random.below(inodes.length)];
    if (!inode) return false;
    const at = this.random.below(inode.kept.length);
    inode.kept[at]! ^= 1;
    if (at < inode.seen.length) inode.seen[at]! ^= 1;
    return true;
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
      if (fate === 0) inode.kept = applied(inode.kept, change);
      if (fate === 1 && !('size' in change)) {
        for (let from = 0; from < change.bytes.length; from += SECTOR_BYTES) {
          if (this.random.chance(0.5)) continue;
          const bytes = change.bytes.subarray(from, from + SECTOR_BYTES);
          inode.kept = applied(inode.kept, { at: change.at + from, bytes });
        }
      }
    }
    inode.unsynced = [];
  }

  #file(inode: Inode, power: Power): StoreFile {
    const change = (one: Change) => {
      inode.seen = applied(inode.seen, one);
      inode.unsynced.push(one);
    };
    return {
      size: async () => inode.seen.length,
      write: async (parts, offset) => {
        const bytes = Buffer.concat(parts);
        await power.pass(this.random);
        if (this.random.chance(this.faults.full)) {
          change({ at: offset, bytes: bytes.subarray(0, this.random.below(bytes.length)) });
          throw failure('ENOSPC');
        }
        change({ at: offset, bytes });
      },
      read: async (offset, length) => {
        await power.pass(this.random);
        if (this.random.chance(this.faults.readFails)) throw failure('EIO');
        return Buffer.from(inode.seen.subarray(offset, offset + length));
      },
      sync: async () => {
        await power.pass(this.random);
        if (this.random.chance(this.faults.syncFails)) {
          // What a failed sync did not write is not written by the next one either.
          this.#lose(inode);
          throw failure('EIO');
        }
        for (const one of inode.unsynced) inode.kept = applied(inode.kept, one);
        inode.unsynced = [];
      },
      truncate: async (size) => {
        await power.pass(this.random);
        change({ size });
      },
      close: async () => {},
    };
  }
}

function split(path: string): [folder: string, name: string] {
  const at = path.lastIndexOf('/');
  return [path.slice(0, at), path.slice(at + 1)];
}
