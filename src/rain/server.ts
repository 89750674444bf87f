import type { Manifest } from '../object/manifest.js';
import type { Address, BlockSource } from './contract.js';
import { RainEndpoint, type RainEndpointOptions } from './endpoint.js';
import { checkIdOrKey, idOf } from './id-or-key.js';
import { type AddOptions, MemorySource } from './memory-source.js';

export interface RainServerOptions extends RainEndpointOptions {
  /** Where to look for what was not given to `add`. */
  readonly source?: BlockSource;
}

/**
 * Serves objects from memory, or from a source, to any number of clients over UDP. Keeps the process alive until it is
 * closed. Without a key it listens on this machine only.
 *
 * ```js
 * const [a, b] = [await RainServer.listen(), await RainServer.listen()];
 * for (const server of [a, b]) server.add('photo.jpg', photo);
 * const client = await RainClient.open();
 * const { bytes } = await client.fetch('photo.jpg', { servers: [a.address, b.address] });
 * ```
 */
export class RainServer {
  private constructor(
    private readonly endpoint: RainEndpoint,
    private readonly objects: MemorySource,
  ) {
    endpoint.serve(objects);
  }

  /** Rejects like RainEndpoint.open: address in use or unusable, a bad key, an open address without a key. */
  static async listen(options: RainServerOptions = {}): Promise<RainServer> {
    const { source, ...rest } = options;
    return new RainServer(await RainEndpoint.open(rest), new MemorySource(source));
  }

  /** Where clients reach this server: what was bound. */
  get address(): Address {
    return this.endpoint.address;
  }

  /**
   * Offers a copy of `bytes` under a key, or under an unsigned 64-bit id. Replaces what was there before; whoever
   * fetches that just now begins again with the new version.
   */
  add(idOrKey: string | bigint, bytes: Uint8Array, options: AddOptions = {}): Manifest {
    const manifest = this.objects.add(checkIdOrKey(idOrKey), bytes, options);
    this.endpoint.forget(manifest.id);
    return manifest;
  }

  /** False if it was not there. */
  remove(idOrKey: string | bigint): boolean {
    const id = idOf(idOrKey);
    const removed = this.objects.remove(id);
    if (removed) this.endpoint.forget(id);
    return removed;
  }

  /** What the packet loop has counted: datagrams, drops by reason, symbols. */
  counters(): Record<string, number> {
    return this.endpoint.counters();
  }

  /** Tells running fetches to go elsewhere and frees the port. Idempotent. */
  async close(): Promise<void> {
    for (const id of this.objects.ids()) this.endpoint.forget(id);
    await this.endpoint.close();
  }
}
