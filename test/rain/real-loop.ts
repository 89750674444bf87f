import { randomBytes } from 'node:crypto';
import {
  addon,
  type HeldBlock,
  type LoopEvent,
  type LoopOptions,
  type NativeLoop,
  RefuseReason,
} from '../../src/native/addon.js';

export const VERSION = new Uint8Array(16);
export const RESOURCE = 1n;

/** A packet loop on a real socket of loopback that serves `blocks` and keeps what else it is told. */
export class RealLoop {
  readonly loop: NativeLoop;
  readonly events: LoopEvent[] = [];
  readonly port: number;
  /** Hears of each block that this loop was given, in the same turn. */
  onProvided: (block: number) => void = () => {};
  #wake: () => void = () => {};

  constructor(
    options: Partial<LoopOptions> = {},
    private readonly blocks: readonly (Uint8Array | HeldBlock)[] = [],
  ) {
    this.loop = new (addon().Loop)({ host: '127.0.0.1', port: 0, loopbackOnly: true, ...options }, (events) => {
      for (const event of events) this.#on(event);
      this.#wake();
    });
    this.port = this.loop.address().port;
  }

  /** The first event that `wanted` is true for, now or within `timeoutMs`; undefined if there is none. */
  async event<T extends LoopEvent['type']>(
    type: T,
    wanted: (event: Extract<LoopEvent, { type: T }>) => boolean = () => true,
    timeoutMs = 10_000,
  ): Promise<Extract<LoopEvent, { type: T }> | undefined> {
    const started = Date.now();
    const limit = setTimeout(() => this.#wake(), timeoutMs);
    try {
      for (;;) {
        for (const event of this.events) {
          if (event.type === type && wanted(event as Extract<LoopEvent, { type: T }>)) {
            return event as Extract<LoopEvent, { type: T }>;
          }
        }
        if (Date.now() - started >= timeoutMs) return undefined;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(limit);
    }
  }

  /** Fetches `blocks` from servers and returns them. */
  async fetch(servers: { host: string; port: number }[], blocks: readonly Uint8Array[]): Promise<Uint8Array[]> {
    const fetch = this.loop.openFetch({ resource: RESOURCE, version: VERSION, symbolBytes: 1344, servers });
    blocks.forEach((bytes, block) => {
      this.loop.want(fetch, block, bytes.length);
    });
    const got: Uint8Array[] = [];
    for (const block of blocks.keys()) {
      const event = await this.event('blockDecoded', (decoded) => decoded.fetch === fetch && decoded.block === block);
      if (!event) throw new Error(`block ${block} did not arrive`);
      got.push(event.bytes.take());
    }
    this.loop.closeFetch(fetch);
    return got;
  }

  /** What a counter has risen by since `before`, once it has or 5 s are over. */
  async risen(name: string, before: Record<string, number>, by = 1): Promise<number> {
    for (let i = 0; i < 500; i++) {
      if (this.loop.counters()[name]! - before[name]! >= by) break;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return this.loop.counters()[name]! - before[name]!;
  }

  #on(event: LoopEvent): void {
    if (event.type === 'blockNeeded') {
      const bytes = event.resource === RESOURCE ? this.blocks[event.block] : undefined;
      if (bytes) {
        this.loop.provideBlock(event.resource, event.version, event.block, bytes);
        this.onProvided(event.block);
      } else this.loop.refuseBlock(event.resource, event.version, event.block, RefuseReason.NotHere);
    } else if (event.type === 'request') {
      this.loop.respond(event.handle, event.payload);
    } else {
      this.events.push(event);
    }
  }
}

export function randomBlocks(count: number, bytes = 200_000): Buffer[] {
  return Array.from({ length: count }, () => randomBytes(bytes));
}
