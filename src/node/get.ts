import { isMurkyError, MurkyError } from '../errors.js';
import { blockCount, type Manifest } from '../object/manifest.js';
import type { Address } from '../rain/contract.js';
import { abortable } from './abortable.js';
import type { GetOptions, GetResult } from './contract.js';
import type { Downloads } from './download.js';
import { fetchOne } from './fetch-one.js';
import type { Found } from './find.js';
import { heal } from './heal.js';
import type { Parts } from './parts.js';
import { findFor } from './quorum-read.js';

/** Times that an object may be overwritten between the moment it is found and its first byte. */
const MAX_TRIES = 4;
/** A body that no one has begun to read by then is given up, with the fetch behind it. */
const UNREAD_BODY_MS = 60_000;

/** Blocks `first` to `end - 1` in order, and what to do when no more are wanted. */
interface Blocks {
  next(index: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Finds an object and begins to read it; its first block is verified when this resolves. See ObjectNode.get. */
export async function get(
  parts: Parts,
  downloads: Downloads,
  key: string,
  options: GetOptions = {},
): Promise<GetResult> {
  for (let tries = 1; ; tries++) {
    const found = await findFor(parts, key, options);
    try {
      return await read(parts, downloads, found, options);
    } catch (error) {
      // Overwritten before a byte was handed out: begin again with the newer version.
      if (!isMurkyError(error, 'MURKY_SUPERSEDED') || tries === MAX_TRIES) throw error;
    }
  }
}

async function read(parts: Parts, downloads: Downloads, found: Found, options: GetOptions): Promise<GetResult> {
  const { manifest, holders } = found;
  const source = holders ? 'cluster' : 'local';
  const span = wantedSpan(manifest, options);
  if (span === 'none') return { manifest, source, body: nothing() };
  const first = Math.floor(span.start / manifest.blockBytes);
  const end = span.end > span.start ? Math.ceil(span.end / manifest.blockBytes) : first;
  const whole = first === 0 && end === blockCount(manifest.size, manifest.blockBytes);
  if (first === end) {
    if (whole && holders) await keepEmpty(parts, manifest);
    return { manifest, source, body: nothing() };
  }
  const { signal } = options;
  const blocks = !holders
    ? localBlocks(parts, manifest, signal)
    : whole
      ? sharedBlocks(parts, downloads, manifest, holders, signal)
      : fetchedBlocks(parts, manifest, holders, first, end, signal);
  let head: Uint8Array;
  try {
    head = await abortable(blocks.next(first), signal);
  } catch (error) {
    await blocks.close();
    throw error;
  }
  return { manifest, source, body: bodyOf(parts, manifest, span, first, end, head, blocks, signal) };
}

function wantedSpan(manifest: Manifest, options: GetOptions): Span | 'none' {
  const chosen = options.choose?.(manifest) ?? { start: options.start ?? 0, end: options.end ?? manifest.size };
  if (chosen === 'none') return chosen;
  const start = Math.min(Math.max(0, chosen.start), manifest.size);
  return { start, end: Math.max(start, Math.min(chosen.end, manifest.size)) };
}

/** The bytes of `span`. Can be read once; leaving the loop, an abort, or never beginning ends what is behind it. */
function bodyOf(
  parts: Parts,
  manifest: Manifest,
  span: Span,
  first: number,
  end: number,
  head: Uint8Array,
  blocks: Blocks,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  let state: 'unread' | 'reading' | 'closed' = 'unread';
  const close = async () => {
    if (state === 'closed') return;
    state = 'closed';
    stopTimer();
    signal?.removeEventListener('abort', onAbort);
    await blocks.close();
  };
  const onAbort = () => void close();
  const stopTimer = parts.clock.after(UNREAD_BODY_MS, onAbort);
  signal?.addEventListener('abort', onAbort, { once: true });

  async function* bytes(): AsyncGenerator<Uint8Array> {
    try {
      for (let index = first; index < end; index++) {
        const block = index === first ? head : await abortable(blocks.next(index), signal);
        const at = index * manifest.blockBytes;
        yield block.subarray(Math.max(0, span.start - at), span.end - at);
      }
    } finally {
      await close();
    }
  }
  return {
    [Symbol.asyncIterator]() {
      signal?.throwIfAborted();
      if (state !== 'unread') throw new MurkyError('MURKY_CLOSED', 'This body was read before, or not begun in time.');
      state = 'reading';
      stopTimer();
      const pieces = bytes();
      return {
        next: () => pieces.next(),
        // A generator that was never begun ends without its finally.
        return: () => pieces.return(undefined).finally(close),
      };
    },
  };
}

/** From this node's store; what is damaged or gone there is fetched from the others. */
function localBlocks(parts: Parts, manifest: Manifest, signal: AbortSignal | undefined): Blocks {
  const { store, log } = parts;
  const { id, version, key } = manifest;
  return {
    async next(index) {
      let damage: unknown;
      try {
        const bytes = await store.block(id, version, index);
        if (bytes) return bytes;
      } catch (error) {
        if (!isMurkyError(error, 'MURKY_BLOCK_CORRUPT')) throw error;
        damage = error;
        log.warn({ key, block: index }, 'A block here is damaged; it is fetched from other nodes.');
      }
      try {
        if (damage) return await heal(parts, manifest, index, signal);
        return await fetchOne(parts, manifest, parts.cluster.lookups.candidates(id), index, signal);
      } catch (error) {
        signal?.throwIfAborted();
        if (damage) throw damage;
        throw isMurkyError(error, 'MURKY_NO_SERVER') ? goneMeanwhile(key) : error;
      }
    },
    close: async () => {},
  };
}

/** From other nodes and into this one's store, in one fetch for all who read the version. */
function sharedBlocks(
  parts: Parts,
  downloads: Downloads,
  manifest: Manifest,
  holders: readonly Address[],
  signal: AbortSignal | undefined,
): Blocks {
  const download = downloads.join(manifest, holders);
  return {
    next: async (index) => (await download.block(index)) ?? (await fetchOne(parts, manifest, holders, index, signal)),
    close: () => download.leave(),
  };
}

/** From other nodes and past the store: a part of a value is not kept. */
function fetchedBlocks(
  parts: Parts,
  manifest: Manifest,
  holders: readonly Address[],
  firstBlock: number,
  endBlock: number,
  signal: AbortSignal | undefined,
): Blocks {
  const options = { firstBlock, endBlock, ...(signal && { signal }) };
  const blocks = parts.rain.fetch(manifest, holders, options)[Symbol.asyncIterator]();
  return {
    async next() {
      const next = await blocks.next();
      if (next.done) throw new Error('A fetch ended early.');
      return next.value.bytes;
    },
    close: async () => void (await blocks.return?.()),
  };
}

/** An empty value has no blocks to fetch: the manifest is all there is to keep. */
async function keepEmpty(parts: Parts, manifest: Manifest): Promise<void> {
  const { store, cluster, log } = parts;
  const role = cluster.owners(manifest.id).self ? 'replica' : 'cached';
  try {
    await cluster.commits.run(manifest.id, () => store.begin().commit(manifest, role));
  } catch (error) {
    log.warn({ key: manifest.key, error: String(error) }, 'An object that is being read could not be kept here.');
  }
}

function goneMeanwhile(key: string): MurkyError {
  return new MurkyError('MURKY_SUPERSEDED', `"${key}" was overwritten or removed while it was read.`, {
    hint: 'Read it again.',
  });
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
