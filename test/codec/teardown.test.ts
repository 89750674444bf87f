import { once } from 'node:events';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Decoder } from '../../src/codec/decoder.js';
import { Encoder } from '../../src/codec/encoder.js';
import { isMurkyError } from '../../src/errors.js';
import { addon } from '../../src/native/addon.js';
import { randomBytes } from './random-bytes.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const loader = createRequire(import.meta.url).resolve('node-gyp-build');

/** MURKY_TEARDOWNS=1000 is the full run, half a minute on a quiet core. */
const TEARDOWNS = Number(process.env.MURKY_TEARDOWNS ?? 96);

/** Stops at one of the stages of a block's life, by process.exit inside the worker or terminate from outside. */
const WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
const { root, loader, stage } = workerData;
const { Encoder, Decoder } = require(loader)(root);
const k = stage % 2 ? 20 : 60;
const block = new Uint8Array(k * 64).fill(stage);
const stages = [
  () => {},
  () => (globalThis.encoder = new Encoder(block, 64)),
  () => encoder.symbols(k, 4, new Uint8Array(4 * 64)),
  () => (globalThis.decoder = new Decoder(block.length, 64)),
  () => addFrom(k, k - 2),
  () => addFrom(2 * k, 40),
  () => (globalThis.block = decoder.take()),
  () => decoder.close(),
];
function addFrom(first, count) {
  const symbols = new Uint8Array(count * 64);
  encoder.symbols(first, count, symbols);
  decoder.addMany(Uint32Array.from({ length: count }, (_, n) => first + n), symbols);
}
for (let n = 0; n <= stage % stages.length; n++) stages[n]();
if (stage % 3 === 0) process.exit(0);
if (stage % 3 === 1) {
  parentPort.postMessage('ready');
  setInterval(() => {}, 1000);
}
`;

test('workers end at every stage of coding', async () => {
  let next = 0;
  const lane = async () => {
    while (next < TEARDOWNS) {
      const worker = new Worker(WORKER, { eval: true, workerData: { root, loader, stage: next++ } });
      worker.on('message', () => void worker.terminate());
      worker.on('error', (error) => {
        throw error;
      });
      await once(worker, 'exit');
    }
  };
  await Promise.all(Array.from({ length: 4 }, lane));
  assert.is(next, TEARDOWNS);
  assert.is(addon().blockBytesOut(), 0, 'blocks that workers had taken are back');
});

test('a closed encoder or decoder refuses to work', () => {
  const block = randomBytes(6400, 1);
  const encoder = new Encoder(block, 64);
  const decoder = new Decoder(block.length, 64);
  const symbol = encoder.symbol(0);
  encoder.close();
  decoder.close();
  encoder.close();
  const closed = (error: unknown) => isMurkyError(error, 'MURKY_CLOSED');
  assert.throws(() => encoder.symbol(0), closed);
  assert.throws(() => decoder.add(0, symbol), closed);
  assert.throws(() => decoder.take(), closed);
  assert.throws(() => decoder.received, closed);
});

test.run();
