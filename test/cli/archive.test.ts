import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { pack } from 'tar-stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { murky, type Served, serve, startMurky } from './murky-process.js';

const test = suite('export and import');
const BIG_BYTES = 64 * 2 ** 20;
let folder: string;
let node: Served;

test.before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'murky-archive-'));
  node = await serve(folder);
});
test.after(() => {
  node.child.kill('SIGKILL');
  rmSync(folder, { recursive: true, maxRetries: 5 });
});

const run = (words: string[], input?: Uint8Array) =>
  murky(words, { cwd: folder, env: { MURKY_NODE: node.url }, ...(input && { input }) });
/** A header that fetch takes: its bytes, each as a character. */
const onTheLine = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
const url = (key: string) => `${node.url}/objects/${encodeURIComponent(key)}`;

async function put(key: string, body: Uint8Array, headers: Record<string, string> = {}): Promise<void> {
  const answer = await fetch(url(key), { method: 'PUT', body, headers });
  assert.is(answer.status < 300, true, await answer.text());
}

async function clear(): Promise<void> {
  for (const key of await keys()) {
    if (key === '..') await run(['rm', key]);
    else await fetch(url(key), { method: 'DELETE' });
  }
}

async function keys(): Promise<string[]> {
  const page = (await (await fetch(`${node.url}/objects`)).json()) as { objects: { key: string }[] };
  return page.objects.map(({ key }) => key);
}

test('objects with odd keys, empty and large ones, come back from an archive with their headers', async () => {
  const long = `${'ü/'.repeat(340)}${'x'.repeat(4)}`;
  assert.is(Buffer.byteLength(long), 1024);
  const contents = new Map<string, Buffer>([
    ['a/b/c.txt', Buffer.from('plain')],
    ['./.hidden', randomBytes(513)],
    ['../../etc/passwd', randomBytes(511)],
    ['..', randomBytes(512)],
    ['/absolute//twice/', randomBytes(1)],
    ['%2E%2E', randomBytes(2)],
    ['2024 = ü#\u{1F30A}\u202e', randomBytes(1025)],
    [long, randomBytes(3)],
    ['x'.repeat(1024), randomBytes(4)],
    ['empty', Buffer.alloc(0)],
    ['1980', randomBytes(70_000)],
    ['big', randomBytes(BIG_BYTES)],
  ]);
  const kept = {
    'content-type': 'text/x-mud; charset=utf-8',
    'content-language': 'de',
    'content-disposition': onTheLine('attachment; filename="küste € = 1.txt"'),
  };
  for (const [key, bytes] of contents) {
    // No URL has a last segment of two dots (WHATWG URL, section 4.4), so fetch cannot ask for it.
    if (key === '..') assert.is((await run(['put', key, '-', '--quiet'], bytes)).code, 0);
    else await put(key, bytes, key === 'a/b/c.txt' ? kept : {});
  }

  const exported = await run(['export', 'all.tar', '--json']);
  assert.is(exported.code, 0, exported.stderr);
  const total = [...contents.values()].reduce((sum, bytes) => sum + bytes.length, 0);
  const { seconds, ...facts } = JSON.parse(exported.text);
  assert.equal(facts, { file: 'all.tar', objects: contents.size, bytes: total });

  assert.ok(readFileSync(join(folder, 'all.tar')).includes('filename="küste € = 1.txt"'), 'the archive is UTF-8');
  const listed = spawnSync('tar', ['tf', 'all.tar', '--quoting-style=literal'], {
    cwd: folder,
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  assert.is(listed.status, 0);
  assert.is(listed.stderr.toString(), '');
  const names = listed.stdout.toString().trimEnd().split('\n');
  assert.is(names.length, contents.size);
  assert.ok(names.includes('a/b/c.txt') && names.includes('%2E%2E/%2E%2E/etc/passwd') && names.includes(long));
  // What is unpacked stays below the folder.
  mkdirSync(join(folder, 'unpacked'));
  execFileSync('tar', ['xf', '../all.tar', '%2E%2E/%2E%2E/etc/passwd'], { cwd: join(folder, 'unpacked') });
  assert.ok(readFileSync(join(folder, 'unpacked/%2E%2E/%2E%2E/etc/passwd')).equals(contents.get('../../etc/passwd')!));

  await clear();
  const imported = await run(['import', 'all.tar']);
  assert.is(imported.code, 0, imported.stderr);
  assert.is(imported.text, `${contents.size} objects stored, 64.1 MiB\n`);
  assert.ok((await run(['get', '..'])).stdout.equals(contents.get('..')!));
  contents.delete('..');
  for (const [key, bytes] of contents) {
    const answer = await fetch(url(key));
    assert.is(answer.status, 200, key);
    assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes), key);
    if (key !== 'a/b/c.txt') continue;
    for (const [name, value] of Object.entries(kept)) assert.is(answer.headers.get(name), value);
  }
});

test('an archive goes through a pipe, and a prefix narrows it down', async () => {
  await clear();
  await put('a/1', Buffer.from('one'));
  await put('b/1', Buffer.from('two'));
  const exported = await run(['export', '-', '--prefix', 'b/']);
  assert.is(exported.code, 0, exported.stderr);
  assert.match(exported.stderr, /^1 object, 3 B\n$/);
  await clear();
  const imported = await run(['import', '-', '--json'], exported.stdout);
  assert.is(imported.code, 0, imported.stderr);
  assert.is(JSON.parse(imported.text).objects, 1);
  assert.is(await (await fetch(url('b/1'))).text(), 'two');
});

test('what tar itself packed is stored under its paths; links are left out and named', async () => {
  await clear();
  mkdirSync(join(folder, 'tree/deep'), { recursive: true });
  writeFileSync(join(folder, 'tree/deep/file'), 'bytes');
  execFileSync('ln', ['-sf', 'deep/file', join(folder, 'tree/link')]);
  execFileSync('tar', ['cf', '../tree.tar', '.'], { cwd: join(folder, 'tree') });
  const imported = await run(['import', 'tree.tar']);
  assert.is(imported.code, 0, imported.stderr);
  assert.match(imported.stderr, /link: left out, it is no file \(symlink\)\n/);
  assert.is(await (await fetch(url('deep/file'))).text(), 'bytes');
});

test('an archive brings the headers that are kept with an object, and no others', async () => {
  await clear();
  await put('k', Buffer.from('old'));
  const archive = pack();
  const metadata = { 'content-type': 'text/x-mud', 'if-none-match': '*', 'content-length': '1', 'no header': '\n' };
  const pax = Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [`SCHILY.xattr.user.murky.metadata.${name}`, value]),
  );
  archive.entry({ name: 'k', pax }, 'new');
  archive.finalize();
  const imported = await run(['import', '-'], await buffer(archive));
  assert.is(imported.code, 0, imported.stderr);
  const answer = await fetch(url('k'));
  assert.is(answer.headers.get('content-type'), 'text/x-mud');
  assert.is(await answer.text(), 'new');
});

test('a cut or damaged archive fails, stores no damaged object and says what was taken', async () => {
  await clear();
  for (const key of ['1', '2', '3']) await put(key, randomBytes(100_000));
  assert.is((await run(['export', 'three.tar'])).code, 0);
  const whole = readFileSync(join(folder, 'three.tar'));
  const cases: [string, Buffer, RegExp][] = [
    ['cut', whole.subarray(0, 250_000), /not a whole tar archive: it ends too early/],
    ['cut between two files', whole.subarray(0, whole.indexOf('PaxHeader', 150_000)), /it ends too early/],
    ['damaged', flipped(whole, 150_000), /The archive is damaged: "2" has another SHA-256/],
    ['no tar', randomBytes(5000), /not a whole tar archive: invalid tar header/],
  ];
  for (const [name, archive, sentence] of cases) {
    await clear();
    writeFileSync(join(folder, 'bad.tar'), archive);
    const { code, stderr } = await run(['import', 'bad.tar', '--json']);
    assert.is(code, 1, name);
    const failure = JSON.parse(stderr);
    assert.match(failure.detail, sentence, `${name}: ${failure.detail}`);
    assert.equal(await keys(), ['1', '2', '3'].slice(0, failure.facts.objects), name);
    assert.is(failure.facts.objects, { cut: 2, 'cut between two files': 2, damaged: 1, 'no tar': 0 }[name], name);
  }
});

test('an interrupted import says what was taken', async () => {
  await clear();
  await put('first', randomBytes(1000));
  await put('second', randomBytes(300_000));
  const { stdout: archive } = await run(['export', '-']);
  await clear();
  const child = startMurky(['import', '-', '--node', node.url], { cwd: folder });
  let stderr = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  child.stdin!.write(archive.subarray(0, 200_000)); // and then nothing
  while ((await fetch(url('first'))).status !== 200) await sleep(20);
  await sleep(100);
  const closed = new Promise((resolve) => child.once('close', (_code, signal) => resolve(signal)));
  child.kill('SIGINT');
  assert.is(await closed, 'SIGINT');
  assert.match(stderr, /^Interrupted: 1 object, 1000 B, were stored before; the last is "first"\.\n$/);
  assert.is((await fetch(url('second'))).status, 404);
});

test('an export that fails leaves no file', async () => {
  await clear();
  await put('k', randomBytes(10));
  const before = readdirSync(folder).sort();
  const { code } = await run(['export', 'no/such/folder.tar']);
  assert.is(code, 1);
  assert.is((await run(['export', '-', '--json'])).code, 2);
  assert.equal(readdirSync(folder).sort(), before);
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= 1;
  return copy;
}

test.run();
