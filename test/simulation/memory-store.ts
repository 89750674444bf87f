import { MurkyError } from '../../src/errors.js';
import { blockCount, type Manifest, sha256 } from '../../src/object/manifest.js';
import { compareVersions, type Version, versionToText } from '../../src/object/version.js';
import type {
  BlockState,
  BlockWriter,
  FactStore,
  ResumableWriter,
  Role,
  Store,
  StoredVersion,
  StoreStats,
} from '../../src/store/contract.js';

/** What outlives a restart of a simulated node. */
export class MemoryDisk {
  readonly current = new Map<bigint, { manifest: Manifest; role: Role }>();
  /** By id and version: current ones, and overwritten ones until {@link MemoryStore.endGrace}. */
  readonly readable = new Map<string, { manifest: Manifest; blocks: Uint8Array[] }>();
  readonly facts = new Map<string, Uint8Array>();
  /** Blocks of suspended writers, by id and version. */
  readonly unfinished = new Map<string, Uint8Array[]>();

  /** What is on it now: whoever still has the old one writes into nothing. */
  snapshot(): MemoryDisk {
    const copy = new MemoryDisk();
    for (const [id, current] of this.current) copy.current.set(id, { ...current });
    for (const [name, version] of this.readable) copy.readable.set(name, version);
    for (const [key, value] of this.facts) copy.facts.set(key, value);
    for (const [name, blocks] of this.unfinished) copy.unfinished.set(name, [...blocks]);
    return copy;
  }
}

/** A store in memory that keeps the contract; copies what it is given, and awaits as a disk does. */
export class MemoryStore implements Store {
  readonly facts: FactStore;
  /** Blocks beyond are refused with MURKY_STORE_FULL. */
  maxBytes = Number.POSITIVE_INFINITY;
  /** Blocks that are damaged: `id/version/index`. */
  readonly damaged = new Set<string>();
  /** Resources whose record is damaged; a commit replaces it. */
  readonly damagedRecords = new Set<bigint>();

  #writingBytes = 0;

  constructor(readonly disk = new MemoryDisk()) {
    this.facts = new MemoryFacts(disk.facts);
  }

  async current(id: bigint): Promise<Manifest | undefined> {
    this.#checkRecord(id);
    return this.disk.current.get(id)?.manifest;
  }

  async role(id: bigint): Promise<Role | undefined> {
    this.#checkRecord(id);
    return this.disk.current.get(id)?.role;
  }

  async manifest(id: bigint, version: Version): Promise<Manifest | undefined> {
    this.#checkRecord(id);
    return this.disk.readable.get(nameOf(id, version))?.manifest;
  }

  async history(id: bigint): Promise<Manifest[]> {
    const all = [...this.disk.readable.values()].map(({ manifest }) => manifest).filter((one) => one.id === id);
    return all.sort((a, b) => compareVersions(b.version, a.version));
  }

  async block(id: bigint, version: Version, index: number): Promise<Uint8Array | undefined> {
    this.#checkRecord(id);
    const name = nameOf(id, version);
    if (this.damaged.has(`${name}/${index}`)) throw new MurkyError('MURKY_BLOCK_CORRUPT', 'A block is damaged.');
    return this.disk.readable.get(name)?.blocks[index];
  }

  /** Nothing here lies in a file. */
  async readInPlace(): Promise<boolean> {
    return false;
  }

  async check(id: bigint, version: Version, index: number): Promise<BlockState> {
    if (this.damaged.has(`${nameOf(id, version)}/${index}`)) return 'damaged';
    return (await this.block(id, version, index)) ? 'sound' : 'gone';
  }

  async mend(id: bigint, version: Version, index: number, bytes: Uint8Array): Promise<boolean> {
    const hash = (await this.manifest(id, version))?.blockHashes[index];
    if (!hash || !sha256(bytes).equals(hash)) return false;
    this.disk.readable.get(nameOf(id, version))!.blocks[index] = Uint8Array.from(bytes);
    this.damaged.delete(`${nameOf(id, version)}/${index}`);
    return true;
  }

  begin(): BlockWriter {
    return this.#writer([]);
  }

  async resume(manifest: Manifest): Promise<ResumableWriter> {
    const name = nameOf(manifest.id, manifest.version);
    const blocks = this.disk.unfinished.get(name) ?? [];
    this.disk.unfinished.delete(name);
    for (const block of blocks) this.#writingBytes += block?.length ?? 0;
    let open = true;
    const writer = this.#writer(blocks);
    return {
      ...writer,
      has: (index) => open && blocks[index] !== undefined,
      commit: async (...what) => {
        open = false;
        return await writer.commit(...what);
      },
      abort: async () => {
        open = false;
        await writer.abort();
      },
      suspend: async () => {
        if (open && blocks.length > 0) this.disk.unfinished.set(name, blocks);
        open = false;
        await writer.abort();
      },
    };
  }

  #writer(blocks: Uint8Array[]): BlockWriter {
    let ended = false;
    const end = () => {
      if (!ended) for (const block of blocks) this.#writingBytes -= block?.length ?? 0;
      ended = true;
    };
    return {
      write: async (index, bytes) => {
        if (ended) throw new Error('Written after the end.');
        if (this.#bytes() + bytes.length > this.maxBytes)
          throw new MurkyError('MURKY_STORE_FULL', 'The store is full.');
        const copy = Uint8Array.from(bytes);
        this.#writingBytes += copy.length;
        await undefined;
        blocks[index] = copy;
      },
      read: async (index) => (ended ? undefined : blocks[index]),
      abort: async () => end(),
      commit: async (manifest, role) => {
        if (ended) throw new Error('Committed after the end.');
        end();
        if (blocks.filter(Boolean).length !== blockCount(manifest.size, manifest.blockBytes))
          throw new Error('A block is missing.');
        const before = this.damagedRecords.has(manifest.id) ? undefined : this.disk.current.get(manifest.id);
        if (before && before.manifest.key !== manifest.key) throw new MurkyError('MURKY_ID_TAKEN', 'The id is taken.');
        const order = before ? compareVersions(manifest.version, before.manifest.version) : 1;
        if (order < 0) {
          if (role === 'replica') this.disk.readable.set(nameOf(manifest.id, manifest.version), { manifest, blocks });
          return 'superseded';
        }
        if (before && order === 0) {
          if (role === 'replica') before.role = role;
          return 'already';
        }
        this.damagedRecords.delete(manifest.id);
        this.disk.current.set(manifest.id, { manifest, role });
        this.disk.readable.set(nameOf(manifest.id, manifest.version), { manifest, blocks });
        return 'committed';
      },
    };
  }

  async *list({ prefix = '', after = '', limit = Number.POSITIVE_INFINITY } = {}): AsyncIterable<Manifest> {
    const all = this.#sound().map(({ manifest }) => manifest);
    const wanted = all.filter(({ key, tombstone }) => !tombstone && key.startsWith(prefix) && key > after);
    yield* wanted.sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, limit);
  }

  async *all({ after = -1n }: { after?: bigint | undefined } = {}): AsyncIterable<{ manifest: Manifest; role: Role }> {
    const sound = this.#sound().filter(({ manifest }) => manifest.id > after);
    yield* sound.sort((a, b) => (a.manifest.id < b.manifest.id ? -1 : 1));
  }

  async *versions(options: { after?: bigint | undefined } = {}): AsyncIterable<StoredVersion> {
    for await (const { manifest, role } of this.all(options)) {
      const { id, version, tombstone, size } = manifest;
      yield { id, version, tombstone, role, size };
    }
  }

  async setRole(id: bigint, version: Version, role: Role): Promise<void> {
    this.#checkRecord(id);
    const current = this.disk.current.get(id);
    if (current && compareVersions(current.manifest.version, version) === 0) current.role = role;
  }

  async dropCached(id: bigint): Promise<void> {
    this.#checkRecord(id);
    const current = this.disk.current.get(id);
    if (current?.role !== 'cached') return;
    this.disk.current.delete(id);
    this.disk.readable.delete(nameOf(id, current.manifest.version));
  }

  /** Overwritten versions are gone from now on. */
  endGrace(): void {
    for (const [name, { manifest }] of this.disk.readable) {
      const current = this.disk.current.get(manifest.id)?.manifest;
      if (!current || compareVersions(current.version, manifest.version) !== 0) this.disk.readable.delete(name);
    }
  }

  stats(): StoreStats {
    const otherBytes = this.#bytes();
    return { objects: 0, tombstones: 0, replicaBytes: 0, cachedBytes: 0, otherBytes, maxBytes: this.maxBytes };
  }

  async close(): Promise<void> {}

  #checkRecord(id: bigint): void {
    if (this.damagedRecords.has(id)) throw new MurkyError('MURKY_BLOCK_CORRUPT', 'A record is damaged.');
  }

  #sound(): { manifest: Manifest; role: Role }[] {
    return [...this.disk.current.values()].filter(({ manifest }) => !this.damagedRecords.has(manifest.id));
  }

  #bytes(): number {
    let bytes = this.#writingBytes;
    for (const { manifest } of this.disk.readable.values()) bytes += manifest.size;
    return bytes;
  }
}

class MemoryFacts implements FactStore {
  constructor(private readonly map: Map<string, Uint8Array>) {}

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.map.get(key);
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    this.map.set(key, Uint8Array.from(value));
  }

  async delete(key: string): Promise<void> {
    this.map.delete(key);
  }

  async *entries(prefix: string): AsyncIterable<[string, Uint8Array]> {
    yield* [...this.map].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

export function nameOf(id: bigint, version: Version): string {
  return `${id}/${versionToText(version)}`;
}
