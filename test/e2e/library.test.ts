import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanUp, temporaryFolder } from './node-process.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

test.after(cleanUp);

/** The README's examples in JavaScript, run as they stand in a folder that has the package as a dependency. */
const examples = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/```js\n([\s\S]*?)```/g)].map(
  ([, code]) => code ?? '',
);

test('the README has the two-server example, in about ten lines, and one of the whole library', () => {
  assert.is(examples.length, 2);
  assert.match(examples[0] ?? '', /RainServer[\s\S]*RainClient/);
  assert.ok((examples[0] ?? '').trim().split('\n').length <= 12);
});

for (const [number, code] of examples.entries()) {
  test(`example ${number + 1} of the README runs as it stands`, () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules/murky-waters'));
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    writeFileSync(join(folder, 'example.js'), code);
    const run = spawnSync(process.execPath, ['example.js'], { cwd: folder, encoding: 'utf8', timeout: 30_000 });
    assert.is(run.status, 0, run.stderr);
    for (const [, said] of code.matchAll(/\/\/ prints (.*)/g)) assert.ok(run.stdout.includes(said ?? ''), run.stdout);
  });
}

test.run();
