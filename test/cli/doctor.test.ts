import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { diskSpace } from '../../src/cli/doctor/machine.js';
import { murky } from './murky-process.js';

const test = suite('doctor');
const folder = mkdtempSync(join(tmpdir(), 'murky-doctor-'));
test.after(() => rmSync(folder, { recursive: true }));

const free = { MURKY_HTTP_PORT: '0', MURKY_POURING_RAIN_PORT: '0' };
type Check = { name: string; state: string; found: string; advice?: string };

test('every check says what it found, and a machine that runs the tests passes', async () => {
  const { code, text, stderr } = await murky(['doctor', '--json'], { cwd: folder, env: free });
  const { ok, checks } = JSON.parse(text) as { ok: boolean; checks: Check[] };
  assert.is(code, 0, text + stderr);
  assert.is(ok, true);
  const names = checks.map(({ name }) => name);
  for (const name of [
    'node',
    'addon',
    'kernel',
    'crypto',
    'socket',
    'receive buffer',
    'send buffer',
    'configuration',
  ]) {
    assert.ok(names.includes(name), name);
  }
  for (const name of ['data folder', 'disk space', 'http port', 'rain port']) assert.ok(names.includes(name), name);
  for (const { state, advice } of checks) assert.ok(state === 'ok' || (state === 'warn' && advice));
  const shown = await murky(['doctor'], { cwd: folder, env: free });
  assert.match(shown.text, /^ok +node +\d/);
});

test('what keeps a node from running is exit code 1 and comes with advice', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  writeFileSync(join(folder, 'file'), '');
  const env = { ...free, MURKY_HTTP_PORT: String(port), MURKY_DATA_DIR: 'file' };
  const { code, text } = await murky(['doctor', '--json'], { cwd: folder, env });
  taken.close();
  assert.is(code, 1);
  const failed = (JSON.parse(text).checks as Check[]).filter(({ state }) => state === 'fail');
  assert.equal(failed.map(({ name }) => name).sort(), ['data folder', 'http port']);
  for (const { advice } of failed) assert.ok(advice);
});

test('what a node holds already does not have to be free as well', () => {
  const GIB = 2 ** 30;
  assert.is(diskSpace(5 * GIB, 6 * GIB, 10 * GIB).state, 'ok');
  assert.is(diskSpace(5 * GIB, 4 * GIB, 10 * GIB).state, 'warn');
  assert.is(diskSpace(2 ** 20, 20 * GIB, 10 * GIB).state, 'fail');
});

test('a wrong configuration is a finding', async () => {
  const env = { ...free, MURKY_HTTP_PORT: 'eighty' };
  const { code, text } = await murky(['doctor'], { cwd: folder, env });
  assert.is(code, 1);
  assert.match(text, /^fail +configuration +MURKY_HTTP_PORT/m);
});

test.run();
