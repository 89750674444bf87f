import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inFolder } from './beds.js';

const CHILD = fileURLToPath(new URL('memory-child.ts', import.meta.url));

test('an object four times the heap is written and read in bounded memory', () =>
  inFolder(async (folder) => {
    const run = spawnSync(process.execPath, ['--max-old-space-size=64', '--import', 'tsx', CHILD, folder, '256'], {
      encoding: 'utf8',
      timeout: 120_000,
    });
    assert.is(run.status, 0, run.stdout + run.stderr);
    const most = Number(/most (\d+) MiB/.exec(run.stdout)?.[1]);
    assert.ok(most > 0 && most < 128, `held ${most} MiB at most`);
  }));

test.run();
