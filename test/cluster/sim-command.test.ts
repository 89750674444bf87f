import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What `npm run` would start, with these words behind it. */
function run(main: string, ...words: string[]): { code: number | null; said: string } {
  const args = ['--import', 'tsx', main, ...words];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
  return { code: status, said: stdout + stderr };
}

const SIM = 'test/cluster/simulation/main.ts';
const HISTORIES = 'test/simulation/linearizability/main.ts';

test('npm run sim ends with 0 where all held, and tells what happened', () => {
  const { code, said } = run(SIM, '--seed', '7', '--nodes', '3');
  assert.is(code, 0, said);
  assert.match(said, /^Seed 7 /);
});

test('npm run sim ends with 1 where a fault is planted, names the checker, and how to run it again', () => {
  const { code, said } = run(SIM, '--seed', '7', '--nodes', '3', '--break', 'overrun-budget');
  assert.is(code, 1, said);
  assert.match(said, /^Seed 7 FAILED, checker "budgets": /);
  assert.match(said, /npm run sim -- --seed 7 --nodes 3 --break overrun-budget/);
});

test('npm run sim ends with 2 where it is asked for what it does not know', () => {
  const { code, said } = run(SIM, '--break', 'everything');
  assert.is(code, 2);
  assert.match(said, /^--break knows lose-acknowledged-write, /);
});

test('npm run sim:linearizability ends with 0 where all are, and with 1 where a mistake is planted', () => {
  assert.is(run(HISTORIES, '--seeds', '3').code, 0);
  const { code, said } = run(HISTORIES, '--seeds', '10', '--break', 'local-reads');
  assert.is(code, 1, said);
  assert.match(said, /seed 4 is not linearizable; replay it with --seed 4/);
});

test.run();
