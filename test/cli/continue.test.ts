import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FakeNode, startFakeNode } from './fake-node.js';
import { murky, type Served, serve, startMurky } from './murky-process.js';

const MIB = 2 ** 20;
const BLOCKS = 24;
const LIMIT_MS = 30_000;
let folder = '';

const at = (name: string) => join(folder, name);
const sizeOf = (name: string) => (existsSync(at(name)) ? statSync(at(name)).size : 0);

/** Changes a byte of a file. */
function damage(name: string, byte: number): void {
  const bytes = readFileSync(at(name));
  bytes[byte]! ^= 1;
  writeFileSync(at(name), bytes);
}

function nothingIsLeft(name: string): void {
  for (const beside of [`${name}.part`, `${name}.part.sha256`]) assert.not.ok(existsSync(at(beside)), beside);
}

const get = suite('get --continue');
let node: FakeNode;

get.before(async () => {
  node = await startFakeNode();
});
get.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'murky-continue-'));
  node.objects.clear();
  node.requests.length = 0;
  node.trouble = {};
});
get.after.each(() => rmSync(folder, { recursive: true }));
get.after(() => node.close());

const value = randomBytes(3 * MIB + 7);
const brings = (bytes = value) => node.objects.set('k', { bytes, contentType: undefined });
const run = (...words: string[]) =>
  murky(['get', 'k', '-o', 'out', '--quiet', '--timeout', '1', ...words], {
    cwd: folder,
    env: { MURKY_NODE: node.url },
  });

/** A get that breaks off after two MiB. */
async function broken(bytes = value): Promise<void> {
  brings(bytes);
  node.trouble = { stallAfterBytes: 2 * MIB };
  assert.is.not((await run('-c')).code, 0);
  assert.is(sizeOf('out.part'), 2 * MIB);
  assert.not.ok(existsSync(at('out')));
  node.trouble = {};
}

get('goes on where it broke off', async () => {
  await broken();
  const { code, stderr } = await run('--continue');
  assert.is(code, 0, stderr);
  assert.ok(readFileSync(at('out')).equals(value));
  assert.is(node.requests.at(-1)!.sentFrom, 2 * MIB - 1);
  nothingIsLeft('out');
});

get('begins anew where the object is another one meanwhile', async () => {
  await broken();
  const newer = randomBytes(3 * MIB);
  brings(newer);
  const { code, stderr } = await run('-c');
  assert.is(code, 0, stderr);
  assert.ok(readFileSync(at('out')).equals(newer));
  assert.equal(
    node.requests.slice(1).map(({ sentFrom }) => sentFrom),
    [0],
  );
  nothingIsLeft('out');
});

get('goes on with the other object where that broke off, too', async () => {
  await broken();
  const newer = randomBytes(3 * MIB);
  await broken(newer);
  assert.is((await run('-c')).code, 0);
  assert.ok(readFileSync(at('out')).equals(newer));
  assert.equal(
    node.requests.map(({ sentFrom }) => sentFrom),
    [0, 0, 2 * MIB - 1],
  );
});

get('finds what was damaged on the disk, and brings the object anew', async () => {
  await broken();
  damage('out.part', 1000);
  const { code, stderr } = await run('-c');
  assert.is(code, 0, stderr);
  assert.ok(readFileSync(at('out')).equals(value));
  assert.equal(
    node.requests.slice(1).map(({ sentFrom }) => sentFrom),
    [2 * MIB - 1, 0],
  );
});

get('is done at once where only the name was missing', async () => {
  await broken();
  writeFileSync(at('out.part'), value);
  assert.is((await run('-c')).code, 0);
  assert.ok(readFileSync(at('out')).equals(value));
  assert.is(node.requests.at(-1)!.sentFrom, value.length - 1);
});

get('leaves nothing behind the end of the object where more was there', async () => {
  await broken();
  writeFileSync(at('out.part'), Buffer.concat([value, randomBytes(1000)]));
  const { code, stderr } = await run('-c');
  assert.is(code, 0, stderr);
  assert.ok(readFileSync(at('out')).equals(value));
  assert.is(node.requests.at(-1)!.sentFrom, 0, 'the node has nothing from there on, and sends it whole');
});

get('without it nothing is kept, and it needs a regular file', async () => {
  brings();
  node.trouble = { breakAfterBytes: MIB };
  assert.is.not((await run()).code, 0);
  nothingIsLeft('out');
  node.trouble = {};
  execFileSync('mkfifo', [at('out')]);
  const { code, stderr } = await run('-c');
  assert.is(code, 1);
  nothingIsLeft('out');
  assert.match(stderr, /^murky: [^\n]+\n(hint: [^\n]+\n)?$/);
});

const fetch = suite('fetch --continue');
let server: Served;
let home = '';
const large = randomBytes(BLOCKS * MIB);

fetch.before(async () => {
  home = mkdtempSync(join(tmpdir(), 'murky-continue-'));
  mkdirSync(join(home, 'node'));
  server = await serve(join(home, 'node'), ['--pouring-rain-max-rate-bits-per-second', '200000000']);
  await put(large);
});
fetch.before.each(() => {
  folder = mkdtempSync(join(home, 'out-'));
});
fetch.after(async () => {
  server.child.kill('SIGKILL');
  rmSync(home, { recursive: true, maxRetries: 5 });
});

async function put(bytes: Buffer): Promise<void> {
  const { code, stderr } = await murky(['put', 'k', '-'], { env: { MURKY_NODE: server.url }, input: bytes });
  assert.is(code, 0, stderr);
}

const words = (...more: string[]) => ['fetch', 'k', '--servers', server.rain, '-o', 'out', '--json', '-c', ...more];

/** Kills a fetch once so much is on the disk. */
async function killed(bytes: number): Promise<void> {
  const child = startMurky(words(), { cwd: folder });
  const ended = new Promise((resolve) => child.once('close', resolve));
  for (const end = Date.now() + LIMIT_MS; sizeOf('out.part') < bytes; await sleep(5)) assert.ok(Date.now() < end);
  child.kill('SIGKILL');
  await ended;
  assert.not.ok(existsSync(at('out')), 'it was killed in the middle');
}

async function again(): Promise<{ bytes: number; sha256: string }> {
  const { code, text, stderr } = await murky(words(), { cwd: folder });
  assert.is(code, 0, stderr);
  nothingIsLeft('out');
  return JSON.parse(text);
}

fetch('brings only the rest behind a kill -9', async () => {
  await killed(8 * MIB);
  const whole = Math.floor(sizeOf('out.part') / MIB);
  assert.is((await again()).bytes, (BLOCKS - whole) * MIB);
  assert.ok(readFileSync(at('out')).equals(large));
});

fetch('brings what is damaged and all behind it again', async () => {
  await killed(8 * MIB);
  damage('out.part', 5 * MIB + 17);
  assert.is((await again()).bytes, (BLOCKS - 5) * MIB);
  assert.ok(readFileSync(at('out')).equals(large));
});

fetch('leaves nothing behind the end of the object where more was there', async () => {
  await killed(8 * MIB);
  writeFileSync(at('out.part'), Buffer.concat([large, randomBytes(1000)]));
  assert.is((await again()).bytes, 0);
  assert.ok(readFileSync(at('out')).equals(large));
});

fetch('begins anew with a newer version', async () => {
  await killed(8 * MIB);
  const newer = randomBytes(4 * MIB);
  await put(newer);
  assert.is((await again()).bytes, 4 * MIB);
  assert.ok(readFileSync(at('out')).equals(newer));
});

get.run();
fetch.run();
