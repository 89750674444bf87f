import { type NativeLoop, RefuseReason } from '../native/addon.js';
import { encodeManifest } from '../object/manifest.js';
import { versionFromBytes } from '../object/version.js';
import type { Log } from '../seam/log.js';
import type { BlockSource } from './contract.js';
import { decodeLookup, encodeLookupAnswer } from './lookup.js';

/** Block number that stands for the encoded manifest: kManifestBlock of native/rain/wire.h. */
export const MANIFEST_BLOCK = 0xffffffff;
/** Reads from the source at once: enough to keep a disk busy, at most 32 MiB of blocks on their way. */
const MAX_READS = 32;
/** Reads that wait; more than the loop's subscriptions can ask for is not kept. */
const MAX_WAITING_READS = 1024;

interface Wanted {
  readonly resource: bigint;
  readonly version: Uint8Array;
  readonly block: number;
}

/** Answers what the packet loop and LOOKUP requests ask for from a block source. */
export class Serving {
  #source: BlockSource | undefined;
  #reading = 0;
  readonly #queue: Wanted[] = [];
  #closed = false;

  constructor(
    private readonly loop: NativeLoop,
    private readonly log: Log,
  ) {}

  get source(): BlockSource | undefined {
    return this.#source;
  }

  set source(source: BlockSource | undefined) {
    this.#source = source;
  }

  /** The handler of LOOKUP requests. */
  async lookup(body: Uint8Array): Promise<Uint8Array> {
    return encodeLookupAnswer(await this.#source?.current(decodeLookup(body)));
  }

  onBlockNeeded(wanted: Wanted): void {
    if (this.#queue.length >= MAX_WAITING_READS) this.#refuse(wanted, RefuseReason.Busy);
    else this.#queue.push(wanted);
    while (this.#reading < MAX_READS) {
      const next = this.#queue.shift();
      if (!next) return;
      void this.#serve(next);
    }
  }

  /** What is still being read is dropped when it arrives. */
  close(): void {
    this.#closed = true;
    this.#queue.length = 0;
  }

  async #serve(wanted: Wanted): Promise<void> {
    this.#reading++;
    try {
      if (await this.#readInPlace(wanted)) return;
      const bytes = await this.#read(wanted);
      if (this.#closed) return;
      if (bytes && bytes.length > 0) {
        this.loop.provideBlock(wanted.resource, wanted.version, wanted.block, bytes);
      } else {
        this.#refuse(wanted, RefuseReason.NotHere);
      }
    } catch (error) {
      const { resource, block } = wanted;
      this.log.error({ err: error, resource: resource.toString(), block }, 'A block that was asked for is unreadable.');
      this.#refuse(wanted, RefuseReason.Unreadable);
    } finally {
      this.#reading--;
      const next = this.#queue.shift();
      if (next) void this.#serve(next);
    }
  }

  /** True if the loop has taken the block from where it lies. */
  async #readInPlace({ resource, version, block }: Wanted): Promise<boolean> {
    if (block === MANIFEST_BLOCK || !this.#source?.readInPlace) return false;
    return await this.#source.readInPlace(resource, versionFromBytes(version), block, async (place) => {
      if (this.#closed) return true;
      if ('descriptor' in place) return await this.loop.provideFromFile(resource, version, block, place);
      if (place.length > 0) this.loop.provideBlock(resource, version, block, place);
      return place.length > 0;
    });
  }

  async #read({ resource, version, block }: Wanted): Promise<Uint8Array | undefined> {
    const source = this.#source;
    if (!source) return undefined;
    const wanted = versionFromBytes(version);
    if (block !== MANIFEST_BLOCK) return source.block(resource, wanted, block);
    const manifest = await source.manifest(resource, wanted);
    return manifest && encodeManifest(manifest);
  }

  #refuse({ resource, version, block }: Wanted, reason: RefuseReason): void {
    if (!this.#closed) this.loop.refuseBlock(resource, version, block, reason);
  }
}
