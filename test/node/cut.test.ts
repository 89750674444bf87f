import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cutBlocks } from '../../src/node/cut.js';

const MIB = 2 ** 20;
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

for (const signal of [undefined, new AbortController().signal]) {
  test(`a long body is not held in memory, ${signal ? 'with' : 'without'} a signal`, async () => {
    let held = 0;
    async function* body(): AsyncGenerator<Uint8Array> {
      for (let i = 0; i < 128; i++) yield Buffer.alloc(MIB, i);
      collectGarbage();
      held = process.memoryUsage().arrayBuffers;
    }
    let blocks = 0;
    for await (const block of cutBlocks(body(), MIB, signal)) blocks += block.length / MIB;
    assert.is(blocks, 128);
    assert.ok(held < 48 * MIB, `${held} bytes are held at the end`);
  });
}

test('an abort ends a body that is being waited for', async () => {
  const abort = new AbortController();
  let returned = false;
  const body: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: async () => {
        returned = true;
        return { done: true, value: undefined };
      },
    }),
  };
  const reason = new Error('enough');
  setTimeout(() => abort.abort(reason), 10);
  const failure = await cutBlocks(body, MIB, abort.signal)
    .next()
    .catch((error: unknown) => error);
  assert.is(failure, reason);
  assert.ok(returned);
});

test.run();
