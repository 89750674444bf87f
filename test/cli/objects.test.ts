import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FakeNode, sha256, startFakeNode } from './fake-node.js';
import { murky, type Start, startMurky } from './murky-process.js';

const test = suite('put, get, rm, ls, status and drain');
let node: FakeNode;
let folder: string;

test.before(async () => {
  node = await startFakeNode();
});
test.before.each(() => {
  node.objects.clear();
  node.requests.length = 0;
  node.trouble = {};
  folder = mkdtempSync(join(tmpdir(), 'murky-cli-'));
});
test.after.each(() => rmSync(folder, { recursive: true }));
test.after(() => node.close());

const run = (words: string[], start: Start = {}) =>
  murky(words, { cwd: folder, ...start, env: { MURKY_NODE: node.url, ...start.env } });

function noStack(stderr: string) {
  assert.not.match(stderr, /\n\s+at |\.ts:\d|node:internal/);
}

test('a file goes in and comes back, whatever its key and size', async () => {
  const bytes = randomBytes(3 * 2 ** 20 + 1);
  writeFileSync(join(folder, 'a.bin'), bytes);
  const key = 'deep/../ü?#%2F.bin';
  const put = await run(['put', key, 'a.bin', '--content-type', 'image/x-mud']);
  assert.is(put.code, 0, put.stderr);
  assert.is(put.text, `${key}: 3 MiB stored, durable on 2 of 3 owners\n`);
  assert.ok(node.objects.get(key)!.bytes.equals(bytes));
  assert.is(node.objects.get(key)!.contentType, 'image/x-mud');
  const get = await run(['get', key, '-o', 'b.bin', '--json']);
  assert.is(get.code, 0, get.stderr);
  assert.ok(readFileSync(join(folder, 'b.bin')).equals(bytes));
  const facts = JSON.parse(get.text);
  assert.is(facts.bytes, bytes.length);
  assert.is(facts.sha256, sha256(bytes));
  assert.is(facts.contentType, 'image/x-mud');
});

test('an empty file is an object', async () => {
  writeFileSync(join(folder, 'empty'), '');
  const put = await run(['put', 'empty', 'empty', '--json']);
  assert.is(put.code, 0, put.stderr);
  const { seconds, ...facts } = JSON.parse(put.text);
  assert.type(seconds, 'number');
  assert.is(facts.bytes, 0);
  assert.is(facts.durable, 2);
  assert.is(facts.sha256, sha256(new Uint8Array()));
  const get = await run(['get', 'empty', '-o', 'back']);
  assert.is(get.code, 0, get.stderr);
  assert.is(statSync(join(folder, 'back')).size, 0);
});

test('a file that does not tell its length is read to its end', async () => {
  if (process.platform !== 'linux') return;
  const put = await run(['put', 'status', '/proc/self/status', '--json']);
  assert.is(put.code, 0, put.stderr);
  assert.ok(JSON.parse(put.text).bytes > 100);
  assert.match(node.objects.get('status')!.bytes.toString(), /^Name:/);
});

test('standard input and output work as FILE', async () => {
  const input = randomBytes(700_000);
  const put = await run(['put', 'piped', '-', '--quiet'], { input });
  assert.is(put.code, 0, put.stderr);
  assert.is(put.text, '');
  const get = await run(['get', 'piped']);
  assert.is(get.code, 0, get.stderr);
  assert.ok(get.stdout.equals(input));
  assert.is(get.stderr, '');
});

test('what is not there is exit code 3, for get and rm', async () => {
  for (const words of [
    ['get', 'nothing'],
    ['rm', 'nothing'],
  ]) {
    const { code, stderr, text } = await run(words);
    assert.is(code, 3);
    assert.is(text, '');
    assert.is(stderr, 'murky: There is no object "nothing".\n');
  }
});

test('rm deletes', async () => {
  node.objects.set('gone', { bytes: Buffer.from('x'), contentType: undefined });
  const { code, text } = await run(['rm', 'gone']);
  assert.is(code, 0);
  assert.is(text, 'gone: deleted\n');
  assert.is(node.objects.size, 0);
});

test('ls turns the pages', async () => {
  for (const key of ['a/1', 'a/2', 'a/3', 'a/4', 'a/5', 'b'])
    node.objects.set(key, { bytes: Buffer.alloc(1536), contentType: 'text/plain' });
  assert.is((await run(['ls'])).text, 'a/1\na/2\na/3\na/4\na/5\nb\n');
  const json = await run(['ls', 'a/', '--json']);
  assert.equal(
    JSON.parse(json.text).map(({ key, size }: { key: string; size: number }) => [key, size]),
    ['a/1', 'a/2', 'a/3', 'a/4', 'a/5'].map((key) => [key, 1536]),
  );
  assert.equal(JSON.parse((await run(['ls', 'z', '--json'])).text), []);
  const long = await run(['ls', 'b', '--long']);
  assert.match(long.text, /^ +1\.5 KiB {2}2023-11-14T22:13:20Z {2}text\/plain +b\n$/);
});

test('a key cannot command the terminal', async () => {
  node.objects.set('evil\u009b2J\u202e', { bytes: Buffer.from(''), contentType: undefined });
  assert.is((await run(['ls'])).text, 'evil\\u{9b}2J\\u{202e}\n');
});

test('status shows the node, and all of it with --json', async () => {
  const shown = await run(['status']);
  assert.is(shown.code, 0, shown.stderr);
  assert.match(shown.text, /00112233445566aa, murky-waters 0\.1\.0, up 1 h 2 min/);
  assert.match(shown.text, /repair +20 lack a copy, 8 objects to do, done in 4\.0 s, 5 repaired/);
  assert.match(
    shown.text,
    /127\.0\.0\.1:1980 \(this one\) +alive +00112233445566aa +rack 7 .* 5 +repairing, 7 queued, 1 min/,
  );
  assert.match(shown.text, /127\.0\.0\.2:1981 +away 1 min 30 s +ffeeddccbbaa9988 +- +2, stands by .* 4\n/);
  assert.match(
    shown.text,
    /warning: The clock of 127\.0\.0\.2:1981 is 1 day ahead of the one here; set both by NTP\.\n$/,
  );
  const json = await run(['status', '--json']);
  assert.is(JSON.parse(json.text).cluster.peers[0].hints, 4);
  assert.is(JSON.parse(json.text).nodes[1].state, 'away');
});

test('drain tells what is left until the node has left, and --cancel ends it', async () => {
  const drained = await run(['drain']);
  assert.is(drained.code, 0, drained.stderr);
  assert.match(drained.text, /^2 objects are still to come to other nodes\.\n1 object is .*\n.*can be stopped\.\n$/);
  const begun = await run(['drain', '--no-wait', '--json']);
  assert.equal(JSON.parse(begun.text), { state: 'draining', objectsLeft: 2 });
  const cancelled = await run(['drain', '--cancel']);
  assert.is(cancelled.text, 'The node owns its share of the objects.\n');
  assert.equal(
    node.requests.filter(({ method }) => method !== 'GET').map(({ method, path }) => `${method} ${path}`),
    ['POST /drain', 'POST /drain', 'DELETE /drain'],
  );
});

test('a drain that is held up ends the command after --timeout seconds, and says why and what to do', async () => {
  const heldUp = { code: 'MURKY_DISK_FULL', detail: 'No other node could note it.', hint: 'Free some space.' };
  node.trouble = { heldUp };
  const { code, text, stderr } = await run(['drain', '--timeout', '2']);
  assert.is(code, 1);
  assert.is(text, `${heldUp.detail}\n`);
  assert.is(stderr, `murky: ${heldUp.detail}\nhint: ${heldUp.hint}\n`);
  const json = await run(['drain', '--timeout', '1', '--json']);
  assert.is(JSON.parse(json.stderr).code, heldUp.code);
  assert.is(JSON.parse((await run(['drain', '--no-wait', '--json'])).text).heldUp.code, heldUp.code);
});

test('damaged bytes are not accepted and leave no file', async () => {
  node.objects.set('bad', { bytes: Buffer.from('bytes'), contentType: undefined });
  node.trouble = { etag: `"${sha256(Buffer.from('other bytes'))}"` };
  writeFileSync(join(folder, 'kept'), 'what was here');
  const { code, stderr } = await run(['get', 'bad', '-o', 'kept']);
  assert.is(code, 1);
  assert.match(stderr, /^murky: What arrived of "bad" does not have the SHA-256/);
  assert.is(readFileSync(join(folder, 'kept'), 'utf8'), 'what was here');
  assert.equal(readdirSync(folder), ['kept']);
  writeFileSync(join(folder, 'in'), 'x');
  assert.is((await run(['put', 'k', 'in'])).code, 1);
});

test('a connection that breaks leaves no file and one sentence', async () => {
  node.objects.set('big', { bytes: Buffer.alloc(300_000, 1), contentType: undefined });
  node.trouble = { breakAfterBytes: 100_000 };
  const { code, stderr } = await run(['get', 'big', '-o', 'big']);
  assert.is(code, 1);
  assert.match(stderr, /^murky: The node at http:\S+ broke off the connection\.\nhint: /);
  noStack(stderr);
  assert.equal(readdirSync(folder), []);
});

test('a silent node is given up', async () => {
  node.trouble = { silent: true };
  writeFileSync(join(folder, 'in'), randomBytes(100));
  for (const words of [['status'], ['get', 'x'], ['put', 'x', 'in']]) {
    const { code, stderr } = await run([...words, '--timeout', '0.3']);
    assert.is(code, 1);
    assert.match(stderr, /^murky: The node at http:\S+ has been silent for 0\.3 s\./, words[0]);
  }
});

test('no node, a stranger and a refusal are told apart', async () => {
  const none = await run(['status'], { env: { MURKY_NODE: 'http://127.0.0.1:1' } });
  assert.is(none.code, 1);
  assert.is(
    none.stderr,
    'murky: No node answers at http://127.0.0.1:1: the connection was refused.\nhint: Start one with: murky serve\n',
  );
  node.trouble = { stranger: true };
  const stranger = await run(['get', 'x']);
  assert.is(stranger.code, 1);
  assert.match(stranger.stderr, /does not speak as a node/);
  node.trouble = {
    problem: { status: 507, code: 'MURKY_STORE_FULL', detail: 'The store is full.', hint: 'Delete something.' },
  };
  writeFileSync(join(folder, 'in'), randomBytes(5_000_000));
  const full = await run(['put', 'x', 'in', '--json']);
  assert.is(full.code, 1);
  assert.is(full.text, '');
  assert.equal(JSON.parse(full.stderr), {
    code: 'MURKY_STORE_FULL',
    detail: 'The store is full.',
    hint: 'Delete something.',
    facts: { status: 507 },
  });
});

test('the access token is sent, and only from where it belongs', async () => {
  writeFileSync(join(folder, 'token'), 'secret-token\n');
  await run(['status', '--token-file', 'token']);
  await run(['status'], { env: { MURKY_TOKEN_FILE: 'token' } });
  const configuration = { http: { port: Number(new URL(node.url).port), 'access-token-file': 'token' } };
  writeFileSync(join(folder, 'murky-config.json'), JSON.stringify(configuration));
  await run(['status'], { env: { MURKY_NODE: '' } });
  await run(['status']);
  assert.equal(
    node.requests.filter(({ path }) => path === '/status').map(({ token }) => token),
    ['Bearer secret-token', 'Bearer secret-token', 'Bearer secret-token', undefined],
  );
  assert.is(node.requests.filter(({ token }) => token === 'Bearer secret-token').length, 6, 'for /cluster as well');
});

test('a file that cannot be read is one sentence', async () => {
  for (const [file, reason] of [
    ['missing', 'there is no such file'],
    ['.', 'is a folder'],
  ] as const) {
    const { code, stderr } = await run(['put', 'x', file]);
    assert.is(code, 1);
    assert.ok(stderr.includes(reason), stderr);
    noStack(stderr);
  }
  const nowhere = await run(['get', 'x', '-o', 'no/such/folder']);
  assert.is(nowhere.code, 3); // asked first: there is nothing to write
});

test('what -o names may be a device', async () => {
  node.objects.set('k', { bytes: Buffer.from('x'), contentType: undefined });
  assert.is((await run(['get', 'k', '-o', '/dev/null'])).code, 0);
  assert.ok(statSync('/dev/null').isCharacterDevice());
});

test('Ctrl-C takes the half-written file away', async () => {
  node.objects.set('big', { bytes: Buffer.alloc(300_000, 1), contentType: undefined });
  node.trouble = { stallAfterBytes: 100_000 };
  const child = startMurky(['get', 'big', '-o', 'big', '--node', node.url], { cwd: folder });
  while (!readdirSync(folder).some((name) => /^\.big\..*\.part$/.test(name))) await sleep(20);
  child.kill('SIGINT');
  const [, signal] = await once(child, 'close');
  assert.is(signal, 'SIGINT');
  assert.equal(readdirSync(folder), []);
});

test('a reader that goes away ends get quietly', async () => {
  node.objects.set('big', { bytes: Buffer.alloc(10_000_000, 1), contentType: undefined });
  const child = startMurky(['get', 'big', '--node', node.url]);
  let stderr = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  await once(child.stdout!, 'data');
  child.stdout!.destroy();
  const [code] = await once(child, 'exit');
  assert.is(code, 0);
  assert.is(stderr, '');
});

test('standard output that takes nothing fails get in one sentence', async () => {
  if (process.platform !== 'linux') return;
  node.objects.set('k', { bytes: Buffer.from('small'), contentType: undefined });
  const command = `"${process.execPath}" --import tsx src/cli/murky.ts get k --node ${node.url} > /dev/full`;
  const child = spawn('bash', ['-c', command], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  assert.is(code, 1);
  assert.is(stderr, 'murky: Cannot write "standard output": the disk is full.\n');
});

test.run();
