import { isMurkyError } from '../../errors.js';
import { compareVersions, type Version } from '../../object/version.js';
import type { FactStore } from '../../store/contract.js';
import { KeyedLock } from '../keyed-lock.js';
import { decodeEntry, type Entry, encodeEntry, MAX_OWED, NO_VERSION } from './entry.js';

export const MAX_ENTRIES = 100_000;

const ENTRY = 'repair/';
const OVERFLOW = 'repair-lost/';
/** Entries with more live copies than this are all as urgent as one another. */
const MAX_COPIES = 16;

export interface Owed {
  readonly id: bigint;
  readonly version: Version;
  readonly copies: number;
}

/**
 * What is to be repaired, one entry a resource, kept in the store: writes that owners have still to get (Dynamo's hinted
 * handoff: DeCandia et al., SOSP 2007, section 4.6), and resources that this node has to look at. Handed out by the
 * number of live copies, fewest first. Over the limit only the fact is kept that an owner missed something; everything
 * that both own is then compared with it.
 */
export class RepairQueue {
  readonly #entries = new Map<bigint, Entry>();
  readonly #owedTo = new Map<bigint, Set<bigint>>();
  /** Ids that can be worked on, by live copies; what waits for an owner is in none. */
  readonly #ready: readonly Set<bigint>[] = Array.from({ length: MAX_COPIES + 1 }, () => new Set<bigint>());
  readonly #running = new Set<bigint>();
  /** Told of something newer while it was being worked on. */
  readonly #again = new Set<bigint>();
  readonly #lock = new KeyedLock();
  /** Called when there is something to do. */
  onReady: () => void = () => {};

  constructor(
    private readonly facts: FactStore,
    private readonly maxEntries = MAX_ENTRIES,
  ) {}

  async load(): Promise<void> {
    const malformed: string[] = [];
    for await (const [key, value] of this.facts.entries(ENTRY)) {
      const id = parseHex(key.slice(ENTRY.length));
      try {
        if (id === undefined) malformed.push(key);
        else this.#set(id, decodeEntry(value));
      } catch (error) {
        if (!isMurkyError(error, 'MURKY_BAD_MESSAGE')) throw error;
        malformed.push(key);
      }
    }
    for (const key of malformed) await this.facts.delete(key);
    this.retry((entry) => entry.look);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Entries that can be worked on now, or are. */
  get active(): number {
    return this.#ready.reduce((sum, ids) => sum + ids.size, this.#running.size);
  }

  /** No room for another resource. */
  get full(): boolean {
    return this.size >= this.maxEntries;
  }

  /** Writes that wait for one owner. */
  count(peer: bigint): number {
    return this.#owedTo.get(peer)?.size ?? 0;
  }

  get(id: bigint): Entry | undefined {
    return this.#entries.get(id);
  }

  /** An owner has still to get a version from here. Durable when it resolves. */
  async owe(peer: bigint, { id, version, copies }: Owed): Promise<void> {
    const before = this.#entries.get(id);
    const owed = before?.owed ?? [];
    if ((!before && this.full) || (!owed.includes(peer) && owed.length >= MAX_OWED)) {
      await this.facts.put(OVERFLOW + hex(peer), Buffer.of(1));
      return;
    }
    const newest = before && compareVersions(before.version, version) > 0 ? before.version : version;
    await this.#change(id, {
      version: newest,
      look: before?.look ?? false,
      copies: Math.min(copies, before?.copies ?? copies),
      owed: owed.includes(peer) ? owed : [...owed, peer],
    });
  }

  /** The owner holds `version`, or is none any more: drops what it is owed unless that is newer. */
  async confirm(peer: bigint, id: bigint, version: Version): Promise<void> {
    const before = this.#entries.get(id);
    if (!before?.owed.includes(peer) || compareVersions(before.version, version) > 0) return;
    await this.#change(id, { ...before, owed: before.owed.filter((one) => one !== peer) });
  }

  /** This node is to look at a resource, of which so many live copies are known. False if there is no room. */
  async look(id: bigint, copies: number, version: Version = NO_VERSION): Promise<boolean> {
    const before = this.#entries.get(id);
    if (!before && this.full) return false;
    const newest = before && compareVersions(before.version, version) > 0 ? before.version : version;
    // Told by one holder after the other: each is one more live copy.
    const known = before?.look && compareVersions(before.version, version) === 0 ? before.copies + copies : copies;
    if (this.#running.has(id) && newest !== before?.version) this.#again.add(id);
    await this.#change(id, { version: newest, look: true, copies: known, owed: before?.owed ?? [] });
    this.#makeReady(id);
    return true;
  }

  /** Has been looked at, as far as `version`; owners may be owed it still. */
  async looked(id: bigint, version: Version): Promise<void> {
    const before = this.#entries.get(id);
    if (before?.look && compareVersions(before.version, version) <= 0)
      await this.#change(id, { ...before, look: false });
  }

  /** The most urgent resource; it is no one else's until {@link done}. */
  next(): bigint | undefined {
    for (const ids of this.#ready) {
      for (const id of ids) {
        ids.delete(id);
        this.#running.add(id);
        return id;
      }
    }
    return undefined;
  }

  done(id: bigint): void {
    this.#running.delete(id);
    if (this.#again.delete(id)) this.#makeReady(id);
  }

  /** Makes entries ready that wait for something. */
  retry(which: (entry: Entry) => boolean): void {
    for (const [id, entry] of this.#entries) if (which(entry)) this.#makeReady(id);
  }

  /** True if the owner missed something since it was last compared with. */
  async lost(peer: bigint): Promise<boolean> {
    return (await this.facts.get(OVERFLOW + hex(peer))) !== undefined;
  }

  async forgetLost(peer: bigint): Promise<void> {
    if (await this.lost(peer)) await this.facts.delete(OVERFLOW + hex(peer));
  }

  #makeReady(id: bigint): void {
    const entry = this.#entries.get(id);
    if (!entry || this.#running.has(id)) return;
    for (const ids of this.#ready) ids.delete(id);
    this.#ready[Math.min(entry.copies, MAX_COPIES)]!.add(id);
    this.onReady();
  }

  /** The change holds at once; it is durable when this resolves. */
  #change(id: bigint, entry: Entry): Promise<void> {
    const needed = entry.look || entry.owed.length > 0;
    const before = this.#entries.get(id);
    if (needed && before && encodeEntry(before).equals(encodeEntry(entry))) return this.#lock.run(id, async () => {});
    this.#set(id, needed ? entry : undefined);
    return this.#lock.run(id, async () => {
      const newest = this.#entries.get(id);
      await (newest ? this.facts.put(ENTRY + hex(id), encodeEntry(newest)) : this.facts.delete(ENTRY + hex(id)));
    });
  }

  #set(id: bigint, entry: Entry | undefined): void {
    for (const peer of this.#entries.get(id)?.owed ?? []) {
      const ids = this.#owedTo.get(peer);
      ids?.delete(id);
      if (ids?.size === 0) this.#owedTo.delete(peer);
    }
    if (!entry) {
      this.#entries.delete(id);
      for (const ids of this.#ready) ids.delete(id);
      return;
    }
    this.#entries.set(id, entry);
    for (const peer of entry.owed) {
      const ids = this.#owedTo.get(peer) ?? new Set();
      this.#owedTo.set(peer, ids.add(id));
    }
  }
}

function hex(id: bigint): string {
  return id.toString(16).padStart(16, '0');
}

function parseHex(text: string): bigint | undefined {
  return /^[0-9a-f]{16}$/.test(text) ? BigInt(`0x${text}`) : undefined;
}
