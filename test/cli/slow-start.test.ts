import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startMurky } from './murky-process.js';

const test = suite('a start that takes long');
let folder: string;
let child: ReturnType<typeof startMurky> | undefined;

/** Holds the loading of the modules, which a slow disk does too, until the file is there, or for ten seconds. */
const HOOKS = `
import { existsSync, writeSync } from 'node:fs';
export async function load(url, context, next) {
  if (url.includes('/cli/program.')) {
    writeSync(2, 'It loads.');
    for (let i = 0; i < 500 && !existsSync('loaded'); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return next(url, context);
}`;

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'murky-slow-'));
  writeFileSync(join(folder, 'hooks.mjs'), HOOKS);
  const register = "import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);";
  writeFileSync(join(folder, 'register.mjs'), register);
});
test.after.each(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true, maxRetries: 5 });
});

/** Starts `murky`, calls `meanwhile` while its modules load, and `onOutput` with all that it has said, each time. */
async function startSlowly(words: string[], meanwhile: () => void, onOutput: (output: string) => void) {
  const env = { NODE_OPTIONS: `--import file://${join(folder, 'register.mjs')}` };
  child = startMurky(words, { cwd: folder, env, channel: true });
  const ended = Promise.all([once(child, 'exit'), once(child.stderr!, 'end')]);
  let output = '';
  let loads = false;
  child.stdout!.resume();
  child.stderr!.on('data', (chunk: Buffer) => {
    output += chunk;
    onOutput(output);
    if (loads || !output.includes('It loads.')) return;
    loads = true;
    meanwhile();
    writeFileSync(join(folder, 'loaded'), '');
  });
  const [[code, signal]] = await ended;
  return { code, signal, output };
}

test('a SIGHUP that comes while the modules of a node load does not end it, and the keys are read again', async () => {
  const keyFile = join(folder, 'cluster.key');
  writeFileSync(keyFile, `${'11'.repeat(32)}\n`, { mode: 0o600 });
  const words = ['--http-port', '0', '--pouring-rain-port', '0', '--cluster-key-file', keyFile];
  let stopped = false;
  const outcome = await startSlowly(
    ['serve', '--data-dir', 'data', ...words],
    () => child!.kill('SIGHUP'),
    (output) => {
      if (!stopped && output.includes('The cluster keys are read again.')) stopped = child!.kill('SIGTERM');
    },
  );
  assert.equal([outcome.code, outcome.signal], [0, null], outcome.output);
  assert.match(outcome.output, /The cluster keys are read again\./);
});

test('any other command is ended by it', async () => {
  const outcome = await startSlowly(
    ['status'],
    () => child!.kill('SIGHUP'),
    () => {},
  );
  assert.equal([outcome.code, outcome.signal], [null, 'SIGHUP'], outcome.output);
});

test('a node whose parent goes while its modules load goes with it', async () => {
  const outcome = await startSlowly(
    ['serve', '--data-dir', 'data', '--http-port', '0', '--pouring-rain-port', '0'],
    () => child!.disconnect(),
    (output) => {
      if (output.includes('Store something')) setTimeout(() => child!.kill('SIGKILL'), 3000);
    },
  );
  assert.equal([outcome.code, outcome.signal], [0, null], outcome.output);
  assert.match(outcome.output, /the parent process has gone/);
});

test.run();
