import { MurkyError } from '../../src/errors.js';
import type { GatewayNode } from '../../src/gateway/contract.js';
import { checkCondition } from '../../src/node/condition.js';
import type { DeleteOptions, GetOptions, NodeStatus, PutOptions, ReadOptions } from '../../src/node/contract.js';
import { checkKey, resourceId } from '../../src/object/key.js';
import { BLOCK_BYTES, type Manifest, sha256 } from '../../src/object/manifest.js';

interface Held {
  readonly manifest: Manifest;
  readonly value: Buffer;
}

/** A node of one process and no disk. Its hooks let a test stand at the places where a real one waits or fails. */
export class MemoryNode implements GatewayNode {
  readonly objects = new Map<string, Held>();
  /** Runs before a put reads its first byte. */
  beforePut: () => Promise<void> = async () => {};
  /** Runs for each piece of a put's body. */
  onPiece: (bytes: number) => Promise<void> = async () => {};
  /** Runs before each block that a get gives out. */
  beforeBlock: (index: number, signal?: AbortSignal) => Promise<void> = async () => {};
  /** What put bodies ended with, where they threw. */
  readonly bodyErrors: unknown[] = [];
  /** Readers that left before the end, and blocks given out. */
  returned = 0;
  blocksGiven = 0;
  #time = 1n;

  async put(key: string, body: Uint8Array | AsyncIterable<Uint8Array>, options: PutOptions = {}) {
    checkKey(key);
    checkCondition(key, options, this.objects.get(key)?.manifest);
    await this.beforePut();
    const pieces: Uint8Array[] = [];
    try {
      for await (const piece of body instanceof Uint8Array ? [body] : body) {
        pieces.push(piece);
        await this.onPiece(piece.length);
      }
    } catch (error) {
      this.bodyErrors.push(error);
      throw error;
    }
    const value = Buffer.concat(pieces);
    if (options.length !== undefined && value.length !== options.length) throw new Error('the length is wrong');
    const replaced = this.objects.has(key);
    const manifest = this.#manifest(key, value, options.metadata ?? {});
    this.objects.set(key, { manifest, value });
    return { manifest, durable: 2, owners: 3, quorum: 2, ordered: true, replaced };
  }

  async head(key: string, _options: ReadOptions = {}): Promise<Manifest> {
    return this.#held(key).manifest;
  }

  async get(key: string, options: GetOptions = {}) {
    const { manifest, value } = this.#held(key);
    const chosen = options.choose?.(manifest) ?? { start: options.start ?? 0, end: options.end ?? value.length };
    const wanted = chosen === 'none' ? Buffer.alloc(0) : value.subarray(chosen.start, chosen.end);
    return { manifest, body: this.#blocks(wanted, options.signal), source: 'local' as const };
  }

  async *#blocks(bytes: Buffer, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    let ended = false;
    try {
      for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
        await this.beforeBlock(at / BLOCK_BYTES, signal);
        this.blocksGiven++;
        yield bytes.subarray(at, at + BLOCK_BYTES);
      }
      ended = true;
    } finally {
      if (!ended) this.returned++;
    }
  }

  async delete(key: string, options: DeleteOptions = {}) {
    checkCondition(key, options, this.objects.get(key)?.manifest);
    const { manifest } = this.#held(key);
    this.objects.delete(key);
    return { manifest, durable: 2, owners: 3, quorum: 2, ordered: true };
  }

  async versions(key: string) {
    const held = this.objects.get(key);
    return held ? [held.manifest] : [];
  }

  async *list(options: { prefix?: string; after?: string; limit?: number } = {}): AsyncGenerator<Manifest> {
    const keys = [...this.objects.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const wanted = keys.filter((key) => key.startsWith(options.prefix ?? ''));
    const rest = wanted.filter((key) => Buffer.compare(Buffer.from(key), Buffer.from(options.after ?? '')) > 0);
    for (const key of rest.slice(0, options.limit)) yield this.#held(key).manifest;
  }

  async status(): Promise<NodeStatus> {
    const drain = { state: this.draining ? 'draining' : 'off', objectsLeft: null, heldUp: null };
    return { name: 'murky-waters', id: '00000000000000aa', drain } as NodeStatus;
  }

  async peers() {
    return { peers: [], otherPaths: [] };
  }

  async cluster() {
    return { nodes: [], warnings: [] };
  }

  async fetches() {
    return [];
  }

  draining = false;

  async drain() {
    this.draining = true;
    return { state: 'draining', objectsLeft: null, heldUp: null } as const;
  }

  async cancelDrain() {
    this.draining = false;
    return { state: 'off', objectsLeft: null, heldUp: null } as const;
  }

  #held(key: string): Held {
    const held = this.objects.get(key);
    if (held === undefined) throw new MurkyError('MURKY_NOT_FOUND', `There is no object ${key}.`);
    return held;
  }

  #manifest(key: string, value: Buffer, metadata: Readonly<Record<string, string>>): Manifest {
    const version = { time: this.#time++, node: 0xaan };
    const id = resourceId(key);
    const hash = sha256(value);
    return {
      key,
      id,
      version,
      tombstone: false,
      size: value.length,
      blockBytes: BLOCK_BYTES,
      blockHashes: [],
      sha256: hash,
      metadata,
    };
  }
}
