import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { murky, type Served, serve } from './murky-process.js';

const test = suite("import into a stopped node's folder");
const folder = mkdtempSync(join(tmpdir(), 'murky-import-'));
const contents: [string, Buffer, Record<string, string>][] = [
  ['a/large', randomBytes(3 * 2 ** 20 + 5), { 'content-type': 'text/x-mud' }],
  ['a/small', Buffer.from('plain'), { 'content-type': 'text/plain', 'content-language': 'de' }],
  ['b/empty', Buffer.alloc(0), {}],
  ['b/ü ..', randomBytes(70_000), {}],
];
const total = contents.reduce((sum, [, body]) => sum + body.length, 0);
const at = (name: string) => join(folder, name);
let node: Served;
test.before(async () => {
  mkdirSync(at('source'));
  node = await serve(at('source'));
  for (const [key, body, headers] of contents) {
    assert.ok((await fetch(url(key), { method: 'PUT', body, headers })).status < 300);
  }
  assert.is((await run('export', 'all.tar', '--node', node.url)).code, 0);
});
test.after(() => {
  node.child.kill('SIGKILL');
  rmSync(folder, { recursive: true, maxRetries: 5 });
});

const run = (...words: string[]) => murky(words, { cwd: folder });
const url = (key: string) => `${node.url}/objects/${encodeURIComponent(key)}`;

/** Objects in a folder in which nothing is damaged or left over. */
async function objectsIn(name: string): Promise<number> {
  const verified = await run('verify', at(name), '--json');
  assert.is(verified.code, 0, verified.text);
  return JSON.parse(verified.text).objects;
}

test('an archive goes into the folder of a node that is new, and again when it has stopped; running, it refuses', async () => {
  const refused = await run('import', 'all.tar', '--folder', at('source/data'));
  assert.is(refused.code, 1);
  assert.match(refused.stderr, /^murky: A node is running on the folder .*source\/data\.\nhint: Stop it first/);

  mkdirSync(at('target'));
  const imported = await run('import', 'all.tar', '--folder', at('target/data'), '--json');
  assert.is(imported.code, 0, imported.stderr);
  const { seconds: _, ...said } = JSON.parse(imported.text);
  assert.equal(said, { file: 'all.tar', objects: contents.length, bytes: total, skipped: 0 });
  assert.is(await objectsIn('target/data'), contents.length);

  const source = node;
  node = await serve(at('target'));
  try {
    for (const [key, body, headers] of contents) {
      const answer = await fetch(url(key));
      assert.is(answer.status, 200, key);
      assert.ok(Buffer.from(await answer.arrayBuffer()).equals(body), key);
      for (const [name, value] of Object.entries(headers)) assert.is(answer.headers.get(name), value);
    }
    await fetch(url('a/small'), { method: 'PUT', body: 'newer' });
    await fetch(url('b/empty'), { method: 'DELETE' });
    await node.end('SIGKILL');
    assert.is((await run('import', 'all.tar', '--folder', at('target/data'))).text, '4 objects stored, 3.1 MiB\n');
    node = await serve(at('target'));
    assert.is(await (await fetch(url('a/small'))).text(), 'plain');
    assert.is((await fetch(url('b/empty'))).status, 200);
    await node.end('SIGTERM');
  } finally {
    node.child.kill('SIGKILL');
    node = source;
  }
});

test('an archive that is torn or damaged stores the objects before, and of the others nothing', async () => {
  const whole = readFileSync(at('all.tar'));
  const damaged = Buffer.from(whole);
  damaged[whole.length - 20_000]! ^= 1;
  for (const [name, archive, sentence, objects] of [
    ['torn', whole.subarray(0, 2 * 2 ** 20), /not a whole tar archive: it ends too early/, 0],
    ['later', whole.subarray(0, whole.length - 40_000), /not a whole tar archive: it ends too early/, 3],
    ['damaged', damaged, /The archive is damaged: "b\/ü \.\." has another SHA-256/, 3],
  ] as const) {
    writeFileSync(at('bad.tar'), archive);
    const { code, stderr } = await run('import', 'bad.tar', '--folder', at(name), '--json');
    assert.is(code, 1, name);
    const failure = JSON.parse(stderr);
    assert.match(failure.detail, sentence);
    assert.is(failure.facts.objects, objects);
    assert.is(await objectsIn(name), objects, name);
  }
});

test('what the budget of the configuration has no room for is refused, and what is there stays', async () => {
  writeFileSync(at('small.json'), JSON.stringify({ cache: { 'max-bytes': 2 * 2 ** 20 } }));
  const full = await run('import', 'all.tar', '--folder', at('full'), '--config', 'small.json');
  assert.is(full.code, 1);
  assert.match(full.stderr, /^murky: The store is full: \d+ bytes more do not fit its 2097152\.\n/);
  assert.match(full.stderr, /No object of the archive was stored\. Raise cache\.max-bytes/);
  assert.is(await objectsIn('full'), 0);

  const part = await run('export', 'b.tar', '--folder', at('target/data'), '--prefix', 'b/');
  assert.is(part.code, 0, part.stderr);
  const fits = await run('import', 'b.tar', '--folder', at('full'), '--config', 'small.json');
  assert.is(fits.code, 0, fits.stderr);
});

test('a folder with something else, a node beside a folder, and a configuration without one are refused', async () => {
  mkdirSync(at('letters'));
  writeFileSync(at('letters/one'), 'dear');
  const other = await run('import', 'all.tar', '--folder', at('letters'));
  assert.is(other.code, 1);
  assert.match(other.stderr, /^murky: There is no node's data in .*letters, but something else\.\n/);
  assert.equal(readdirSync(at('letters')), ['one']);
  assert.is((await run('import', 'all.tar', '--folder', at('x'), '--node', 'http://127.0.0.1:1')).code, 2);
  assert.is((await run('import', 'all.tar', '--config', 'small.json')).code, 2);
  const none = await run('import', 'none.tar', '--folder', at('y'));
  assert.is(none.code, 1);
  assert.match(none.stderr, /none\.tar/);
  assert.equal(
    readdirSync(folder).filter((name) => name === 'x' || name === 'y'),
    [],
  );
});

test.run();
