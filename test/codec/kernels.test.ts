import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A round trip in a process of its own, since the kernels are chosen once; prints the kernel and a digest. */
const PROGRAM = `
import { createHash } from 'node:crypto';
const { Encoder } = await import('./src/codec/encoder.ts');
const { Decoder } = await import('./src/codec/decoder.ts');
const { addon } = await import('./src/native/addon.ts');
const { randomBytes } = await import('./test/codec/random-bytes.ts');
const hash = createHash('sha256');
for (const k of [20, 200]) {
  for (const lost of [5, 100]) {
    const block = randomBytes(k * 320, k);
    const encoder = new Encoder(block, 320);
    const decoder = new Decoder(block.length, 320);
    for (let esi = Math.min(lost, k); !decoder.decoded; esi++) {
      const symbol = encoder.symbol(esi);
      hash.update(symbol);
      decoder.add(esi, symbol);
    }
    if (Buffer.compare(decoder.take(), block)) throw new Error('wrong bytes');
  }
}
console.log(addon().kernelName() + ' ' + hash.digest('hex'));
`;

function run(kernel: string): [name: string, digest: string] {
  const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', PROGRAM], {
    cwd: root,
    env: { ...process.env, MURKY_KERNEL: kernel },
    encoding: 'utf8',
  });
  assert.is(child.status, 0, child.stderr);
  return child.stdout.trim().split(' ') as [string, string];
}

test('every kernel makes and takes the same symbols', () => {
  const [, expected] = run('scalar');
  for (const kernel of ['scalar', 'sse2', 'avx2', 'avx512', 'neon']) {
    const [name, digest] = run(kernel);
    const here = process.arch === 'arm64' ? ['neon'] : ['sse2'];
    if (kernel === 'scalar' || here.includes(kernel)) assert.is(name, kernel);
    assert.is(digest, expected, name);
  }
});

test.run();
