import { setImmediate } from 'node:timers/promises';
import { Decoder } from '../../src/codec/decoder.js';
import { Encoder } from '../../src/codec/encoder.js';
import { addon } from '../../src/native/addon.js';
import { median } from './statistics.js';

export const JS_LOSS = 0.1;

/** Symbols in one crossing from JavaScript. */
const BATCH_SYMBOLS = 64;
const SPARE_SYMBOLS = 64;
const LEAST_REPETITIONS = 7;

/** The typed face: set-up and K repair symbols in batches, in seconds. */
export function measureJavaScriptEncode(k: number, symbolBytes: number, seconds: number): number {
  const block = bytesFor(k * symbolBytes);
  const out = new Uint8Array(k * symbolBytes);
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (times.length < LEAST_REPETITIONS || performance.now() < end) {
    const start = addon().threadSeconds();
    const encoder = new Encoder(block, symbolBytes);
    for (let n = 0; n < k; n += BATCH_SYMBOLS) {
      encoder.symbols(k + n, Math.min(BATCH_SYMBOLS, k - n), out.subarray(n * symbolBytes));
    }
    encoder.close();
    times.push(addon().threadSeconds() - start);
  }
  return median(times);
}

/**
 * How the block is had: put together in one buffer that is used again, handed over in memory of the decoder's own, or
 * copied to one buffer.
 */
export type Taking = 'into' | 'hand-over' | 'copy';

/**
 * The typed face: adding symbols in batches and taking the block, with other losses each time, as native does. The mean
 * has the garbage collector's work in it.
 */
export async function measureJavaScriptDecode(k: number, symbolBytes: number, seconds: number, taking: Taking) {
  const options = taking === 'into' ? { into: new Uint8Array(k * symbolBytes) } : {};
  const out = taking === 'copy' ? new Uint8Array(k * symbolBytes) : undefined;
  const block = bytesFor(k * symbolBytes);
  const encoder = new Encoder(block, symbolBytes);
  const symbols = new Uint8Array((k + SPARE_SYMBOLS) * symbolBytes);
  const esis = new Uint32Array(k + SPARE_SYMBOLS);
  const times: number[] = [];
  let whole = 0;
  const end = performance.now() + seconds * 1000;
  while (times.length < LEAST_REPETITIONS || performance.now() < end) {
    let count = 0;
    for (let esi = 0; esi < k; esi++) if (Math.random() >= JS_LOSS) esis[count++] = esi;
    for (let n = 0; n < count; n++) encoder.symbols(esis[n]!, 1, symbols.subarray(n * symbolBytes));
    // A small block stays below the 256 symbols any K of which decode.
    const repair = k <= 32 ? k : k + Math.floor(Math.random() * 2 ** 23);
    const arrivals = k <= 32 ? k : k + SPARE_SYMBOLS;
    encoder.symbols(repair, arrivals - count, symbols.subarray(count * symbolBytes));
    for (let n = count; n < arrivals; n++) esis[n] = repair + n - count;
    const start = addon().threadSeconds();
    const decoder = new Decoder(block.length, symbolBytes, options);
    for (let n = 0; n < arrivals && !decoder.decoded; n += BATCH_SYMBOLS) {
      const stop = Math.min(n + BATCH_SYMBOLS, arrivals);
      decoder.addMany(esis.subarray(n, stop), symbols.subarray(n * symbolBytes, stop * symbolBytes));
    }
    const taken = decoder.take(out);
    const time = addon().threadSeconds() - start;
    times.push(time);
    if (Buffer.compare(taken, block) !== 0) throw new Error('wrong bytes');
    decoder.close();
    // Blocks that were collected give their memory back between two turns of the loop.
    const pause = addon().threadSeconds();
    await setImmediate();
    whole += time + addon().threadSeconds() - pause;
  }
  return { median: median(times), mean: whole / times.length };
}

function bytesFor(count: number): Uint8Array {
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) bytes[i] = (i * 2654435761) >>> 13;
  return bytes;
}
