import { compareVersions, type Version, versionFromBytes, versionToBytes } from '../object/version.js';
import type { FactStore } from '../store/contract.js';
import { KeyedLock } from './keyed-lock.js';

/** A write that an owner has still to get. */
export interface Hint {
  readonly id: bigint;
  readonly version: Version;
}

export const MAX_HINTS = 100_000;

const HINT = 'hint/';
const OVERFLOW = 'hints-lost/';

/**
 * Writes that wait for owners, kept in the store (Dynamo's hinted handoff: DeCandia et al., SOSP 2007, section 4.6),
 * one for each owner and resource. Over the limit only the fact is kept that an owner missed something; it is then
 * offered everything that it owns.
 */
export class Hints {
  readonly #counts = new Map<bigint, number>();
  readonly #lock = new KeyedLock();
  #total = 0;

  constructor(
    private readonly facts: FactStore,
    private readonly maxHints = MAX_HINTS,
  ) {}

  async load(): Promise<void> {
    for await (const [key] of this.facts.entries(HINT)) {
      const peer = parseHex(key.slice(HINT.length, HINT.length + 16));
      if (peer !== undefined) this.#count(peer, 1);
    }
  }

  /** Hints for one peer. */
  count(peer: bigint): number {
    return this.#counts.get(peer) ?? 0;
  }

  /** Durable when it resolves. A newer version replaces an older one. */
  add(peer: bigint, hint: Hint): Promise<void> {
    return this.#lock.run(hint.id, async () => {
      const before = await this.get(peer, hint.id);
      if (before && compareVersions(before, hint.version) >= 0) return;
      if (!before && this.#total >= this.maxHints) {
        await this.facts.put(OVERFLOW + hex(peer), Buffer.of(1));
        return;
      }
      if (!before) this.#count(peer, 1);
      await this.facts.put(hintKey(peer, hint.id), versionToBytes(hint.version));
    });
  }

  async get(peer: bigint, id: bigint): Promise<Version | undefined> {
    const value = await this.facts.get(hintKey(peer, id));
    return value && value.length === 16 ? versionFromBytes(value) : undefined;
  }

  /** The peer holds `version`: drops the hint unless it is of a newer one. */
  confirm(peer: bigint, id: bigint, version: Version): Promise<void> {
    return this.#lock.run(id, async () => {
      const before = await this.get(peer, id);
      if (!before || compareVersions(before, version) > 0) return;
      this.#count(peer, -1);
      await this.facts.delete(hintKey(peer, id));
    });
  }

  async *of(peer: bigint): AsyncIterable<Hint> {
    const prefix = `${HINT}${hex(peer)}/`;
    for await (const [key, value] of this.facts.entries(prefix)) {
      const id = parseHex(key.slice(prefix.length));
      if (id !== undefined && value.length === 16) yield { id, version: versionFromBytes(value) };
    }
  }

  /** True if hints for the peer were given up since it was last offered everything. */
  async lost(peer: bigint): Promise<boolean> {
    return (await this.facts.get(OVERFLOW + hex(peer))) !== undefined;
  }

  async forgetLost(peer: bigint): Promise<void> {
    await this.facts.delete(OVERFLOW + hex(peer));
  }

  #count(peer: bigint, by: number): void {
    const count = this.count(peer) + by;
    this.#total += by;
    if (count > 0) this.#counts.set(peer, count);
    else this.#counts.delete(peer);
  }
}

function hintKey(peer: bigint, id: bigint): string {
  return `${HINT}${hex(peer)}/${hex(id)}`;
}

function hex(id: bigint): string {
  return id.toString(16).padStart(16, '0');
}

function parseHex(text: string): bigint | undefined {
  return /^[0-9a-f]{16}$/.test(text) ? BigInt(`0x${text}`) : undefined;
}
