import { createHash } from 'node:crypto';
import type { Known } from './expected.js';
import type { Operation } from './recording.js';

/**
 * What a power cut may take of what was not synced, as in ALICE (OSDI '14). Names follow the way of ext4, XFS and btrfs:
 * a file's sync keeps its name too. 'one-name' and 'one-file' each drop one thing of several, in all ways.
 */
export const LOSSES = ['nothing', 'all', 'bytes', 'names', 'torn', 'zeros', 'one-name', 'one-file'] as const;
export type Loss = (typeof LOSSES)[number];

/** A folder as a crash leaves it, and what may be found in it. */
export interface CrashState {
  readonly after: number;
  readonly loss: Loss;
  readonly folders: readonly string[];
  readonly files: ReadonlyMap<string, Buffer>;
  readonly known: ReadonlyMap<string, Known>;
}

interface Inode {
  readonly born: number;
  changes: { readonly at: number; readonly offset: number; readonly bytes: Buffer | undefined }[];
  /** Changes before this operation are on the disk. */
  syncedBefore: number;
}

/** A change of a name, and whether it is on the disk. The two of a rename have one `at`: both take place, or neither. */
interface Naming {
  readonly at: number;
  readonly path: string;
  readonly inode: Inode | undefined;
  synced: boolean;
}

/** Every state, each but once, that a crash after each of the operations may leave. `wanted` picks prefixes. */
export function* crashStates(
  operations: readonly Operation[],
  wanted: (after: number) => boolean,
): Generator<CrashState> {
  const replay = new Replay();
  const seen = new Set<string>();
  for (const [at, operation] of operations.entries()) {
    replay.apply(operation, at);
    if (operation.op === 'said' || !wanted(at)) continue;
    for (const loss of LOSSES) {
      for (const files of replay.lose(loss)) {
        const known = replay.known();
        const hash = createHash('sha256').update(JSON.stringify([...known]));
        for (const [path, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
          hash.update(`${path}\0${bytes.length}\0`).update(bytes);
        }
        const key = hash.digest('hex');
        if (seen.has(key)) continue;
        seen.add(key);
        yield { after: at, loss, folders: replay.folders, files, known };
      }
    }
  }
}

class Replay {
  readonly folders: string[] = [];
  readonly #names = new Map<string, Inode>();
  readonly #namings: Naming[] = [];
  readonly #known = new Map<string, Known>();

  apply(operation: Operation, at: number): void {
    switch (operation.op) {
      case 'mkdir':
        this.folders.push(operation.path);
        break;
      case 'create':
        if (!this.#names.has(operation.path))
          this.#name(at, operation.path, { born: at, changes: [], syncedBefore: 0 });
        break;
      case 'unlink':
        this.#name(at, operation.path, undefined);
        break;
      case 'rename': {
        const moved = [...this.#names].filter(([path]) => `${path}/`.startsWith(`${operation.path}/`));
        for (const [path, inode] of moved) {
          this.#name(at, path, undefined);
          this.#name(at, operation.to + path.slice(operation.path.length), inode);
        }
        break;
      }
      case 'write':
        this.#change(operation.path, at, operation.offset, Buffer.from(operation.hex, 'hex'));
        break;
      case 'truncate':
        this.#change(operation.path, at, operation.size, undefined);
        break;
      case 'sync': {
        const inode = this.#names.get(operation.path);
        if (!inode) break;
        inode.syncedBefore = Math.max(inode.syncedBefore, operation.upTo);
        for (const naming of this.#namings)
          if (naming.inode === inode && naming.at < operation.upTo) this.#keep(naming.at);
        break;
      }
      case 'syncFolder':
        for (const naming of this.#namings) {
          if (folderOf(naming.path) === operation.path && naming.at < operation.upTo) this.#keep(naming.at);
        }
        break;
      case 'said':
        for (const line of operation.text.split('\n')) this.#said(line);
    }
  }

  known(): Map<string, Known> {
    return new Map([...this.#known].map(([key, one]) => [key, { ...one, begun: [...one.begun] }]));
  }

  *lose(loss: Loss): Generator<Map<string, Buffer>> {
    const loose = [...new Set(this.#namings.filter(({ synced }) => !synced).map(({ at }) => at))];
    const dirty = [...new Set(this.#names.values())].filter((inode) => unsynced(inode).length > 0);
    const all = new Set(loose);
    if (loss === 'nothing') yield this.#files(new Set(), () => 'kept');
    if (loss === 'all') yield this.#files(all, () => 'dropped');
    if (loss === 'bytes') yield this.#files(new Set(), () => 'dropped');
    if (loss === 'names') yield this.#files(all, () => 'kept');
    if (loss === 'torn') yield this.#files(new Set(), () => 'torn');
    if (loss === 'zeros') yield this.#files(new Set(), () => 'zeros');
    if (loss === 'one-name') for (const one of loose) yield this.#files(new Set([one]), () => 'kept');
    if (loss === 'one-file') {
      for (const one of dirty) yield this.#files(new Set(), (inode) => (inode === one ? 'dropped' : 'kept'));
    }
  }

  #name(at: number, path: string, inode: Inode | undefined): void {
    if (inode) this.#names.set(path, inode);
    else this.#names.delete(path);
    this.#namings.push({ at, path, inode, synced: false });
  }

  #keep(at: number): void {
    for (const naming of this.#namings) if (naming.at === at) naming.synced = true;
  }

  #change(path: string, at: number, offset: number, bytes: Buffer | undefined): void {
    this.#names.get(path)?.changes.push({ at, offset, bytes });
  }

  #said(line: string): void {
    const [what, key = '', time] = line.split(' ');
    if (what !== 'begun' && what !== 'acknowledged') return;
    const known = this.#known.get(key) ?? { acknowledged: 0, begun: [] };
    this.#known.set(key, known);
    if (what === 'begun') known.begun.push(Number(time));
    else known.acknowledged = Number(time);
  }

  #files(lost: ReadonlySet<number>, fate: (inode: Inode) => Fate): Map<string, Buffer> {
    const names = new Map<string, Inode>();
    for (const { at, path, inode } of this.#namings) {
      if (lost.has(at)) continue;
      if (inode) names.set(path, inode);
      else names.delete(path);
    }
    return new Map([...names].map(([path, inode]) => [path, contentOf(inode, fate(inode))]));
  }
}

type Fate = 'kept' | 'dropped' | 'torn' | 'zeros';

const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));
const unsynced = (inode: Inode) => inode.changes.filter(({ at }) => at >= inode.syncedBefore);

function contentOf(inode: Inode, fate: Fate): Buffer {
  const last = inode.changes.at(-1);
  const room = Math.max(0, ...inode.changes.map(({ offset, bytes }) => offset + (bytes?.length ?? 0)));
  const bytes = Buffer.alloc(room);
  let length = 0;
  for (const change of inode.changes) {
    const loose = change.at >= inode.syncedBefore;
    if (loose && fate === 'dropped') continue;
    if (!change.bytes) {
      bytes.fill(0, change.offset);
      length = change.offset;
      continue;
    }
    const torn = loose && fate === 'torn' && change === last;
    const written = torn ? change.bytes.subarray(0, change.bytes.length >> 1) : change.bytes;
    if (loose && fate === 'zeros') bytes.fill(0, change.offset, change.offset + written.length);
    else written.copy(bytes, change.offset);
    length = Math.max(length, change.offset + written.length);
  }
  return bytes.subarray(0, length);
}
