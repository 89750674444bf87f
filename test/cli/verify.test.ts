import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { murky, type Served, serve } from './murky-process.js';

const test = suite('verify and repair');
const folder = mkdtempSync(join(tmpdir(), 'murky-offline-'));
const data = join(folder, 'data');
let node: Served | undefined;
test.after(() => {
  node?.child.kill('SIGKILL');
  rmSync(folder, { recursive: true, maxRetries: 5 });
});

const run = (...words: string[]) => murky(words, { cwd: folder, env: { MURKY_DATA_DIR: 'data' } });

test('a running node is left alone, a stopped one is read; damage is told, and mended where that can be done', async () => {
  node = await serve(folder);
  for (const key of ['a', 'b']) {
    const answer = await fetch(`${node.url}/objects/${key}`, { method: 'PUT', body: Buffer.alloc(100_000, key) });
    assert.ok(answer.status < 300);
  }
  for (const command of ['verify', 'repair']) {
    const { code, stderr } = await run(command);
    assert.is(code, 1);
    assert.match(
      stderr,
      /^murky: (A node is running on|Another node uses) the folder .*\nhint: Stop the (other )?node/m,
    );
  }
  assert.is((await fetch(`${node.url}/objects/a`)).status, 200, 'and goes on');
  await node.end('SIGTERM');

  const sound = await run('verify');
  assert.is(sound.code, 0, sound.stderr);
  assert.match(sound.text, /2 objects and 0 deleted, 2 blocks, 195\.3 KiB read: no damage\n$/);
  assert.equal(JSON.parse((await run('verify', '--json')).text).ok, true);

  rmSync(join(data, 'index'), { recursive: true });
  const segment = join(data, 'segments', '00000001.log');
  const bytes = readFileSync(segment);
  bytes[50_000]! ^= 1;
  writeFileSync(segment, bytes);
  const damaged = await run('verify', data);
  assert.is(damaged.code, 1);
  assert.match(damaged.text, /^index {5}/);

  const mended = await run('repair', data);
  assert.is(mended.code, 1, 'a block is left');
  assert.match(mended.text, /The index has been made anew: 2 versions and 2 blocks found, 0 blocks missing/);
  assert.match(mended.text, /^block {5}Block 0 of "[ab]" is missing or damaged\.$/m);
  const after = JSON.parse((await run('verify', data, '--json')).text);
  assert.equal([after.ok, after.objects, after.count, after.findings[0].kind], [false, 2, 1, 'block']);
});

test.run();
