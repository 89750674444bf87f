import { isMurkyError, MurkyError } from '../errors.js';
import type { Manifest } from '../object/manifest.js';
import { formatAddress, parseAddress } from './address.js';
import type { Address, FetchOptions, Located } from './contract.js';
import { RainEndpoint, type RainEndpointOptions } from './endpoint.js';
import type { VerifiedFetch } from './fetch.js';
import { checkIdOrKey, idOf } from './id-or-key.js';
import { type RainReport, summarise } from './report.js';

/** Times that `fetch` begins again when the object is overwritten meanwhile. */
const MAX_ATTEMPTS = 4;
const DEFAULT_MAX_BYTES = 2 ** 30;

export interface RainFetchOptions extends Pick<FetchOptions, 'signal' | 'stallTimeoutMs' | 'windowBlocks'> {
  /** `host:port` or addresses of servers that may have it. */
  readonly servers: readonly (string | Address)[];
  /** How long servers have to say whether they have it. */
  readonly lookupTimeoutMs?: number;
  /**
   * Of `stream` alone. Called once the version is found: blocks before its answer are not fetched, because the caller has
   * them.
   */
  readonly firstBlock?: (manifest: Manifest) => Promise<number>;
  /**
   * Of `stream` alone: a piece is good only until the next one is asked for. Its memory is then used again, and the array is
   * empty, which at high rates spares the collector much. Not for a body that is read ahead of its use, as `Readable.from`
   * and `pipeline` do.
   */
  readonly transient?: boolean;
  /** Called after each verified block. */
  readonly onProgress?: (progress: RainFetchProgress) => void;
}

export interface RainWholeFetchOptions extends Omit<RainFetchOptions, 'firstBlock' | 'transient'> {
  /** Limit of the object's size, 1 GiB by default; a larger one is MURKY_TOO_LARGE. */
  readonly maxBytes?: number;
}

export interface RainFetchProgress {
  /** Verified bytes so far, and of the whole object. */
  readonly received: number;
  readonly size: number;
}

export interface RainResult {
  readonly bytes: Uint8Array;
  readonly manifest: Manifest;
  readonly report: RainReport;
}

export interface RainStream {
  readonly manifest: Manifest;
  /** Verified pieces in order; can be read once. Leaving the loop ends the fetch. */
  readonly body: AsyncIterable<Uint8Array>;
  report(): RainReport;
}

/** Fetches objects from any number of servers at once. Keeps the process alive only while something is fetched. */
export class RainClient {
  private constructor(private readonly endpoint: RainEndpoint) {}

  /** Binds a free port: of all addresses with a key or `insecure`, else of this machine's loopback. */
  static async open(options: RainEndpointOptions = {}): Promise<RainClient> {
    if (options.host !== undefined || (!options.key && !options.insecure)) {
      return new RainClient(await RainEndpoint.open(options));
    }
    try {
      return new RainClient(await RainEndpoint.open({ ...options, host: '::' }));
    } catch (error) {
      if (!isMurkyError(error, 'MURKY_ADDRESS_UNUSABLE')) throw error; // else: a machine without IPv6
      return new RainClient(await RainEndpoint.open({ ...options, host: '0.0.0.0' }));
    }
  }

  /**
   * The whole object in memory. Begins again if it is overwritten meanwhile. MURKY_NOT_FOUND, MURKY_TOO_LARGE,
   * MURKY_NO_SERVER, MURKY_VERSION_CONFLICT, MURKY_POLLUTED; an abort rejects with the signal's reason.
   */
  async fetch(idOrKey: string | bigint, options: RainWholeFetchOptions): Promise<RainResult> {
    const { maxBytes = DEFAULT_MAX_BYTES } = options;
    for (let attempt = 1; ; attempt++) {
      try {
        const { manifest, body, report } = await this.stream(idOrKey, { ...options, transient: true });
        if (manifest.size > maxBytes) throw tooLarge(manifest, maxBytes);
        const bytes = new Uint8Array(manifest.size);
        let at = 0;
        for await (const piece of body) {
          bytes.set(piece, at);
          at += piece.length;
        }
        return { bytes, manifest, report: report() };
      } catch (error) {
        if (!isMurkyError(error, 'MURKY_SUPERSEDED') || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  /** Like `fetch`, with the bytes as they come. An overwritten object ends the body with MURKY_SUPERSEDED. */
  async stream(idOrKey: string | bigint, options: RainFetchOptions): Promise<RainStream> {
    const { manifest, holders, silent } = await this.#locate(idOrKey, options);
    // A silent server may only have lost a datagram; the fetch finds out what it has.
    const { signal, stallTimeoutMs, windowBlocks, firstBlock } = options;
    const fetch = this.endpoint.fetch(manifest, [...holders, ...silent], {
      ...(signal && { signal }),
      ...(stallTimeoutMs !== undefined && { stallTimeoutMs }),
      ...(windowBlocks !== undefined && { windowBlocks }),
      ...(firstBlock && { firstBlock: await firstBlock(manifest) }),
    });
    return {
      manifest,
      body: pieces(fetch, options.transient ?? false, (received) =>
        options.onProgress?.({ received, size: manifest.size }),
      ),
      report: () => summarise(fetch.report(), fetch.progress()),
    };
  }

  /** What the packet loop has counted: datagrams, drops by reason, symbols. */
  counters(): Record<string, number> {
    return this.endpoint.counters();
  }

  /** Ends whatever is being fetched with MURKY_CLOSED. Idempotent. */
  close(): Promise<void> {
    return this.endpoint.close();
  }

  async #locate(idOrKey: string | bigint, options: RainFetchOptions): Promise<Located> {
    const key = checkIdOrKey(idOrKey);
    const servers = options.servers.map((server) => (typeof server === 'string' ? parseAddress(server) : server));
    const located = await this.endpoint.locate(idOf(key), servers, {
      ...(typeof idOrKey === 'string' && { key }),
      ...(options.signal && { signal: options.signal }),
      ...(options.lookupTimeoutMs !== undefined && { timeoutMs: options.lookupTimeoutMs }),
    });
    if (!located || located.manifest.tombstone) {
      const who = servers.map(formatAddress).join(', ');
      throw new MurkyError('MURKY_NOT_FOUND', `"${key}" is not on any server that answered, of ${who}.`);
    }
    if (typeof idOrKey === 'string' && located.manifest.key !== key) {
      throw new MurkyError('MURKY_NOT_FOUND', `The servers hold "${located.manifest.key}" under the id of "${key}".`);
    }
    return located;
  }
}

async function* pieces(
  fetch: VerifiedFetch,
  transient: boolean,
  onPiece: (received: number) => void,
): AsyncGenerator<Uint8Array, void> {
  for await (const { bytes, release } of fetch) {
    onPiece(fetch.progress().bytes);
    yield bytes;
    if (transient) release?.();
  }
}

function tooLarge(manifest: Manifest, maxBytes: number): MurkyError {
  return new MurkyError(
    'MURKY_TOO_LARGE',
    `The object has ${manifest.size} bytes, more than the ${maxBytes} allowed.`,
    {
      hint: 'Read it with stream(), or raise maxBytes.',
    },
  );
}
