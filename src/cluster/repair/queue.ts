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
  /** In which of them each is. */
  readonly #readyAt = new Map<bigint, Set<bigint>>();
  readonly #running = new Set<bigint>();
  /** Told of something newer, or of damage, while it was being worked on. */
  readonly #again = new Set<bigint>();
  /** Nodes that are known to hold the version that is lacking here. */
  readonly #holders = new Map<bigint, Set<bigint>>();
  /** Changed since they were written last: a write of them failed. */
  readonly #unwritten = new Set<bigint>();
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
    return this.#readyAt.size + this.#running.size;
  }

  /** Those, and what this node is known to lack and cannot get now; what another one lacks that one counts. */
  get lacking(): number {
    let waiting = 0;
    for (const [id, { look, owed }] of this.#entries) {
      if (look && owed.length === 0 && !this.#readyAt.has(id) && !this.#running.has(id)) waiting += 1;
    }
    return this.active + waiting;
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

  /**
   * This node is to look at a resource: `holder` has a version that is missing somewhere. Without a version what it holds
   * itself may be damaged, or older than it should be. False if there is no room.
   */
  async look(id: bigint, version: Version = NO_VERSION, holder?: bigint): Promise<boolean> {
    const before = this.#entries.get(id);
    if (!before && this.full) return false;
    const order = before ? compareVersions(version, before.version) : 1;
    const damage = version === NO_VERSION;
    if (this.#running.has(id) && (order > 0 || damage)) this.#again.add(id);
    if (order > 0) this.#holders.delete(id);
    const holders = this.#holders.get(id) ?? new Set<bigint>();
    if (holder !== undefined && order >= 0) this.#holders.set(id, holders.add(holder));
    // Each node that holds it is a live copy, however often it says so.
    const known = order > 0 || damage || !before?.look ? 1 : before.copies;
    const copies = Math.max(known, holders.size);
    const newest = before && order <= 0 ? before.version : version;
    await this.#change(id, { version: newest, look: true, copies, owed: before?.owed ?? [] });
    this.#makeReady(id);
    return true;
  }

  /** Has been looked at, as far as `version`, unless there is reason to do so again; owners may be owed it still. */
  async looked(id: bigint, version: Version): Promise<void> {
    const before = this.#entries.get(id);
    if (before?.look && !this.#again.has(id) && compareVersions(before.version, version) <= 0)
      await this.#change(id, { ...before, look: false });
  }

  /** The most urgent resource; it is no one else's until {@link done}. */
  next(): bigint | undefined {
    for (const ids of this.#ready) {
      for (const id of ids) {
        this.#unready(id);
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
    this.#unready(id);
    const ids = this.#ready[Math.min(entry.copies, MAX_COPIES)]!;
    this.#readyAt.set(id, ids.add(id));
    this.onReady();
  }

  #unready(id: bigint): void {
    this.#readyAt.get(id)?.delete(id);
    this.#readyAt.delete(id);
  }

  /** The change holds at once; it is durable when this resolves. */
  #change(id: bigint, entry: Entry): Promise<void> {
    const needed = entry.look || entry.owed.length > 0;
    const before = this.#entries.get(id);
    const same = needed && before !== undefined && encodeEntry(before).equals(encodeEntry(entry));
    if (!same) {
      this.#set(id, needed ? entry : undefined);
      this.#unwritten.add(id);
    }
    return this.#lock.run(id, async () => {
      if (!this.#unwritten.delete(id)) return;
      const newest = this.#entries.get(id);
      try {
        await (newest ? this.facts.put(ENTRY + hex(id), encodeEntry(newest)) : this.facts.delete(ENTRY + hex(id)));
      } catch (error) {
        this.#unwritten.add(id);
        throw error;
      }
    });
  }

  #set(id: bigint, entry: Entry | undefined): void {
    for (const peer of this.#entries.get(id)?.owed ?? []) {
      const ids = this.#owedTo.get(peer);
      ids?.delete(id);
      if (ids?.size === 0) this.#owedTo.delete(peer);
    }
    if (!entry?.look) this.#holders.delete(id);
    if (!entry) {
      this.#entries.delete(id);
      this.#unready(id);
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
