import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { murky, type Served, serve } from './murky-process.js';

const test = suite("export of a stopped node's folder");
const folder = mkdtempSync(join(tmpdir(), 'murky-export-'));
const data = join(folder, 'data');
let node: Served | undefined;
test.after(() => {
  node?.child.kill('SIGKILL');
  rmSync(folder, { recursive: true, maxRetries: 5 });
});

const run = (...words: string[]) => murky(words, { cwd: folder });

/** Every file of the node with its bytes. */
function everything(): Record<string, string> {
  const names = readdirSync(data, { recursive: true }).map(String).sort();
  const files = names.filter((name) => statSync(join(data, name)).isFile());
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(data, name), 'latin1')]));
}

test('the archive is that of the running node, byte by byte, also after SIGKILL; a running node is left alone', async () => {
  node = await serve(folder);
  const contents: [string, Buffer, Record<string, string>][] = [
    ['a/large', randomBytes(3 * 2 ** 20 + 5), { 'content-type': 'text/x-mud' }],
    ['a/small', Buffer.from('plain'), { 'content-type': 'text/plain', 'content-language': 'de' }],
    ['b/empty', Buffer.alloc(0), {}],
    ['b/\u00fc ..', randomBytes(70_000), {}],
    ['gone', randomBytes(10), {}],
  ];
  const url = (key: string) => `${node!.url}/objects/${encodeURIComponent(key)}`;
  for (const [key, body, headers] of [contents[0]!, ...contents]) {
    assert.ok((await fetch(url(key), { method: 'PUT', body, headers })).status < 300);
  }
  assert.ok((await fetch(url('gone'), { method: 'DELETE' })).status < 300);
  assert.is((await run('export', 'running.tar', '--node', node.url)).code, 0);

  const verify = await run('verify', data);
  const refused = await run('export', 'refused.tar', '--folder', data);
  assert.is(refused.code, 1);
  assert.is(refused.stderr, verify.stderr, 'in the words of murky verify');
  assert.not(readdirSync(folder).includes('refused.tar'));

  await node.end('SIGKILL');
  const before = everything();
  const exported = await run('export', 'stopped.tar', '--folder', data, '--json');
  assert.is(exported.code, 0, exported.stderr);
  const { seconds: _, ...said } = JSON.parse(exported.text);
  const bytes = contents.slice(0, 4).reduce((sum, [, body]) => sum + body.length, 0);
  assert.equal(said, { file: 'stopped.tar', objects: 4, bytes });
  assert.ok(readFileSync(join(folder, 'stopped.tar')).equals(readFileSync(join(folder, 'running.tar'))));
  assert.equal(everything(), before, 'nothing in the folder changes');

  const part = await run('export', '-', '--folder', data, '--prefix', 'a/');
  assert.is(part.stderr, '2 objects, 3 MiB\n');
});

test('what is damaged is told, and no archive appears', async () => {
  const segment = join(data, 'segments', '00000001.log');
  const bytes = readFileSync(segment);
  bytes[4 * 2 ** 20]! ^= 1; // of the later of its two versions
  writeFileSync(segment, bytes);
  const { code, stderr } = await run('export', 'damaged.tar', '--folder', data);
  assert.is(code, 1);
  assert.match(stderr, /^murky: Block 0 of "a\/large" is missing or damaged\.\nhint: murky verify tells all/);
  assert.equal(
    readdirSync(folder).filter((name) => name.includes('damaged')),
    [],
  );
  assert.is((await run('export', 'b.tar', '--folder', data, '--prefix', 'b/')).code, 0, 'what is sound can be had');

  rmSync(join(data, 'index', 'CURRENT'));
  const lost = await run('export', 'lost.tar', '--folder', data);
  assert.match(lost.stderr, /is damaged \(its file CURRENT is missing\)\.\nhint: Stop the node and run: murky repair/);
});

test('a folder of no node, and a node beside a folder, are refused', async () => {
  const none = await run('export', 'none.tar', '--folder', join(folder, 'nowhere'));
  assert.is(none.code, 1);
  assert.match(none.stderr, /^murky: There is no node's data in .*nowhere\.\n/);
  const both = await run('export', 'both.tar', '--folder', data, '--node', 'http://127.0.0.1:1');
  assert.is(both.code, 2);
});

test.run();
