import { abortable } from './abortable.js';

/**
 * Cuts a body into blocks of `blockBytes`, the last one shorter, as it comes. Each block is memory of its own, or a view
 * of a body that is there whole. Leaving the loop ends the body.
 */
export async function* cutBlocks(
  body: Uint8Array | AsyncIterable<Uint8Array>,
  blockBytes: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) {
    for (let at = 0; at < body.length; at += blockBytes) yield body.subarray(at, at + blockBytes);
    return;
  }
  let block = Buffer.allocUnsafe(blockBytes);
  let filled = 0;
  for await (const chunk of endedBy(body, signal)) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + blockBytes - filled);
      block.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled === blockBytes) {
        yield block;
        block = Buffer.allocUnsafe(blockBytes);
        filled = 0;
      }
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}

/** The same chunks, until `signal` aborts: then its reason is thrown, also while a chunk is being waited for. */
async function* endedBy(body: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  if (!signal) {
    yield* body;
    return;
  }
  signal.throwIfAborted();
  const iterator = body[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      // A race against one promise that outlives all chunks would keep every chunk alive with it.
      const next = await abortable(iterator.next(), signal);
      if (next.done) {
        ended = true;
        return;
      }
      yield next.value;
    }
  } finally {
    // Not awaited: a generator that hangs would hang this as well.
    if (!ended) iterator.return?.().catch(() => {});
  }
}
