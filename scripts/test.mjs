// Runs every test/**/*.test.ts in a process of its own, two at once, and closes with `N passed, N failed`.
// A file that runs over its time, crashes or counts nothing is a failure. Arguments select files by substring.
// Properties are tried with the cases of one seed, or as PROPERTY_SEED says (a number, or `random`).
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FILE_TIMEOUT_SECONDS = 240;
// A test that failed may have left nodes open, which keep its process alive: the file has told all it will.
const AFTER_FAILURE_SECONDS = 5;
// Most files wait for processes and sockets more than they compute.
const FILES_AT_ONCE = 2;
const root = fileURLToPath(new URL('..', import.meta.url));
const wanted = process.argv.slice(2);
const files = readdirSync(`${root}test`, { recursive: true })
  .map((file) => `test/${file}`)
  .filter((file) => file.endsWith('.test.ts') && (wanted.length === 0 || wanted.some((part) => file.includes(part))))
  .sort();

function run(file) {
  return new Promise((resolve) => {
    const started = Date.now();
    const hasProperties = readFileSync(`${root}${file}`, 'utf8').includes("'fast-check'");
    const before = hasProperties ? ['tsx', './test/fixed-seed.ts'] : ['tsx'];
    const args = [...before.flatMap((module) => ['--import', module]), file];
    const child = spawn(process.execPath, args, { cwd: root, detached: true });
    let output = '';
    let lastTimer;
    const keep = (chunk) => {
      output += chunk;
      const { total, passed, skipped } = told(output);
      if (lastTimer || passed + skipped === total || !/Duration:/.test(output)) return;
      lastTimer = setTimeout(() => kill(child.pid), AFTER_FAILURE_SECONDS * 1000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const timer = setTimeout(() => {
      output += `\n${file} ran over ${FILE_TIMEOUT_SECONDS} s`;
      kill(child.pid);
    }, FILE_TIMEOUT_SECONDS * 1000);
    child.on('close', (code) => {
      clearTimeout(timer);
      clearTimeout(lastTimer);
      kill(child.pid); // whatever the file's processes left behind
      const { total, passed, skipped } = told(output);
      let failed = total - passed - skipped;
      if ((code !== 0 || total === 0) && failed === 0) failed = 1;
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      console.log(`${failed ? 'FAIL' : 'ok  '} ${file}  ${passed} passed, ${failed} failed  ${seconds} s`);
      if (failed) console.log(output);
      resolve({ passed, failed, skipped });
    });
  });
}

// What a file's output says of its tests.
function told(output) {
  const count = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(output)?.[1] ?? 0);
  return { total: count('Total'), passed: count('Passed'), skipped: count('Skipped') };
}

function kill(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // the whole process group has ended already
  }
}

// With both cores, and before the time of a file runs; where it does not compile the file itself says so.
if (files.includes('test/native.test.ts')) {
  const started = Date.now();
  spawnSync(process.execPath, ['scripts/test-native.mjs', '--compile'], { cwd: root, stdio: 'ignore' });
  console.log(`compiled the native tests  ${((Date.now() - started) / 1000).toFixed(1)} s`);
}
const sum = { passed: 0, failed: 0, skipped: 0 };
const waiting = [...files];
async function work() {
  for (let file = waiting.shift(); file; file = waiting.shift()) {
    const result = await run(file);
    for (const name of Object.keys(sum)) sum[name] += result[name];
  }
}
await Promise.all(Array.from({ length: FILES_AT_ONCE }, work));
const skipped = sum.skipped ? `, ${sum.skipped} skipped` : '';
console.log(`${sum.passed} passed, ${sum.failed} failed${skipped}`);
process.exit(sum.failed || !sum.passed ? 1 : 0);
