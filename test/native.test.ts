import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('..', import.meta.url));

test('the native tests pass', () => {
  const run = spawnSync(process.execPath, ['scripts/test-native.mjs'], { cwd: root, encoding: 'utf8' });
  assert.is(run.status, 0, run.stdout + run.stderr);
  assert.match(run.stdout, /[1-9]\d* passed, 0 failed/);
});

test.run();
