import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sha256 } from './fake-node.js';
import { murky, type Served, serve } from './murky-process.js';

const test = suite('fetch');
const folder = mkdtempSync(join(tmpdir(), 'murky-fetch-'));
const keyFile = join(folder, 'cluster.key');
// So long that a server which gets no processor for some milliseconds still has its part of it.
const bytes = randomBytes(48 * 2 ** 20 + 17);
let nodes: Served[] = [];

test.before(async () => {
  assert.is((await murky(['keygen', '-o', keyFile])).code, 0);
  const words = ['--cluster-key-file', keyFile, '--cluster-write-quorum', '2', '--cluster-replicas', '2'];
  mkdirSync(join(folder, 'one'));
  mkdirSync(join(folder, 'two'));
  const one = await serve(join(folder, 'one'), words);
  nodes = [one];
  const port = Number(one.rain.split(':').at(-1));
  writeFileSync(join(folder, 'two', 'servers.json'), JSON.stringify([{ host: '127.0.0.1', port }]));
  const two = await serve(join(folder, 'two'), words);
  nodes = [one, two];
  // The second node knows the first when it is ready, so both are owners.
  const put = await murky(['put', 'k', '-', '--json'], { env: { MURKY_NODE: two.url }, input: bytes });
  assert.is(put.code, 0, put.stderr);
  assert.is(JSON.parse(put.text).durable, 2);
});
test.after(() => {
  for (const { child } of nodes) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, maxRetries: 5 });
});

const run = (...words: string[]) => {
  const servers = nodes.map(({ rain }) => rain).join(',');
  return murky(['fetch', ...words, '--servers', servers], { cwd: folder });
};

test('--json measures a fetch from both servers', async () => {
  const { code, text, stderr } = await run('k', '--key-file', keyFile, '--json');
  assert.is(code, 0, stderr);
  const report = JSON.parse(text);
  assert.is(report.bytes, bytes.length);
  assert.is(report.sha256, sha256(bytes));
  assert.ok(report.seconds > 0);
  assert.ok(report.overhead >= 0 && report.overhead < 1);
  assert.equal(
    report.servers.map(({ address }: { address: string }) => address).sort(),
    nodes.map(({ rain }) => rain).sort(),
  );
  for (const { symbols, rate, loss } of report.servers) {
    assert.ok(symbols > 0);
    assert.ok(rate > 0);
    assert.ok(loss >= 0 && loss < 1);
  }
});

test('the object goes to a file or to standard output', async () => {
  const toFile = await run('k', '--key-file', keyFile, '-o', 'out');
  assert.is(toFile.code, 0, toFile.stderr);
  assert.ok(readFileSync(join(folder, 'out')).equals(bytes));
  assert.is(toFile.text, '');
  const piped = await run('k', '--key-file', keyFile, '--quiet');
  assert.is(piped.code, 0, piped.stderr);
  assert.ok(piped.stdout.equals(bytes));
  assert.is(piped.stderr, '');
});

test('what no server has is exit code 3', async () => {
  const { code, stderr } = await run('other', '--key-file', keyFile);
  assert.is(code, 3);
  assert.match(stderr, /^murky: /);
});

test('another key gets nothing', async () => {
  const other = join(folder, 'other.key');
  await murky(['keygen', '-o', other]);
  const { code, text, stderr } = await run('k', '--key-file', other, '--timeout', '3');
  assert.is(code, 1);
  assert.is(text, '');
  assert.match(stderr, /^murky: [^\n]+\n(hint: [^\n]+\n)?$/);
});

test('wrong servers are exit code 2', async () => {
  for (const list of ['', '127.0.0.1', '127.0.0.1:1,', '127.0.0.1:99999']) {
    const { code, stderr } = await murky(['fetch', 'k', '--servers', list]);
    assert.is(code, 2, list);
    assert.match(stderr, /^murky: /);
  }
});

test.run();
