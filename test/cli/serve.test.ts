import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sha256 } from './fake-node.js';
import { murky, type Served, serve, startMurky } from './murky-process.js';

const test = suite('serve');
let folder: string;
let served: Served[] = [];

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'murky-serve-'));
});
test.after.each(async () => {
  for (const { child } of served) child.kill('SIGKILL');
  served = [];
  rmSync(folder, { recursive: true, maxRetries: 5 });
});

async function start(words: string[] = []): Promise<Served> {
  const node = await serve(folder, words);
  served.push(node);
  return node;
}

test('a node stores, gives back, lists and deletes, and SIGTERM ends it with 0', async () => {
  const node = await start();
  const run = (...words: string[]) => murky(words, { cwd: folder, env: { MURKY_NODE: node.url } });
  const bytes = randomBytes(2 ** 20 + 1);
  writeFileSync(join(folder, 'in'), bytes);

  const put = await run('put', 'a key/../ü', 'in', '--json', '--content-type', 'image/x-mud');
  assert.is(put.code, 0, put.stderr);
  const written = JSON.parse(put.text);
  assert.is(written.sha256, sha256(bytes));
  assert.equal([written.durable, written.owners, written.quorum], [1, 1, 1]);
  assert.match(written.version, /^[0-9a-f]{32}$/);

  const get = await run('get', 'a key/../ü', '-o', 'out');
  assert.is(get.code, 0, get.stderr);
  assert.ok(readFileSync(join(folder, 'out')).equals(bytes));

  const [entry, ...others] = JSON.parse((await run('ls', '--json')).text);
  assert.equal(others, []);
  assert.is(entry.key, 'a key/../ü');
  assert.is(entry.size, bytes.length);
  assert.is(entry.contentType, 'image/x-mud');
  assert.match((await run('ls', '-l')).text, /^ +1 MiB {2}20\d\d-\S+Z {2}image\/x-mud +a key\/\.\.\/ü\n$/);

  const status = JSON.parse((await run('status', '--json')).text);
  assert.is(status.id, node.id);
  assert.is(status.store.objects, 1);
  assert.match((await run('status')).text, new RegExp(`^node +${node.id}, murky-waters`));

  // The doctor knows a node that runs from a stranger that holds its ports.
  const port = (address: string) => address.split(':').at(-1)!;
  const env = { MURKY_HTTP_PORT: port(node.url), MURKY_POURING_RAIN_PORT: port(node.rain) };
  const doctor = await murky(['doctor'], { cwd: folder, env });
  assert.is(doctor.code, 0, doctor.text);
  assert.match(doctor.text, new RegExp(`^ok +rain port +${node.rain} is held by the node ${node.id}`, 'm'));

  assert.is((await run('rm', 'a key/../ü')).code, 0);
  assert.is((await run('rm', 'a key/../ü')).code, 3);
  assert.is((await run('get', 'a key/../ü')).code, 3);
  assert.is((await run('ls')).text, '');

  assert.equal(await node.end('SIGTERM'), { code: 0, signal: null });
  assert.match(node.output().stdout, /^murky: ready [^\n]*\n$/);
});

test('the versions of an object are listed, and an older one is read', async () => {
  const node = await start();
  const run = (...words: string[]) => murky(words, { env: { MURKY_NODE: node.url } });
  const url = `${node.url}/objects/k`;
  for (const body of ['one', 'two!']) assert.ok((await fetch(url, { method: 'PUT', body })).ok);
  assert.is((await fetch(url, { method: 'DELETE' })).status, 204);
  const { key, versions } = JSON.parse((await run('versions', 'k', '--json')).text);
  assert.is(key, 'k');
  assert.equal(
    versions.map(({ deleted, size }: { deleted: boolean; size: number }) => (deleted ? 'deleted' : size)),
    ['deleted', 4, 3],
  );
  const lines = (await run('versions', 'k')).text.trimEnd().split('\n');
  assert.match(lines[0]!, /^version +written +size$/);
  assert.match(lines[1]!, new RegExp(`^${versions[0].version}  20\\S+Z +-  current, a deletion$`));
  assert.match(lines[3]!, new RegExp(`^${versions[2].version}  20\\S+Z +3 B$`));
  const old = await run('get', 'k', '--version', versions[2].version);
  assert.is(old.text, 'one', old.stderr);
  const nothing = await run('versions', 'nothing');
  assert.is(nothing.code, 3);
  assert.is(nothing.stderr, 'murky: This node has no version of "nothing".\n');
});

test('an object survives kill -9', async () => {
  const first = await start();
  const bytes = randomBytes(3_000_000);
  const put = await murky(['put', 'k', '-'], { env: { MURKY_NODE: first.url }, input: bytes });
  assert.is(put.code, 0, put.stderr);
  await first.end('SIGKILL');
  const second = await start();
  assert.is(second.id, first.id);
  const get = await murky(['get', 'k'], { env: { MURKY_NODE: second.url } });
  assert.ok(get.stdout.equals(bytes), get.stderr);
  assert.equal(await second.end('SIGINT'), { code: 0, signal: null });
});

test('a data folder belongs to one node', async () => {
  await start();
  const words = [
    'serve',
    '--data-dir',
    'data',
    '--http-port',
    '0',
    '--pouring-rain-port',
    '0',
    '--log-level',
    'silent',
  ];
  const second = await murky(words, { cwd: folder });
  assert.is(second.code, 1);
  assert.is(second.text, '');
  assert.match(second.stderr, /^murky: [^\n]*data[^\n]*\.\n(hint: [^\n]*\n)?$/);
});

test('a port that is taken is one sentence', async () => {
  const { url, rain } = await start();
  for (const taken of [
    ['--http-port', new URL(url).port, '--pouring-rain-port', '0'],
    ['--http-port', '0', '--pouring-rain-port', rain.split(':').at(-1)!],
  ]) {
    const { code, stderr } = await murky(['serve', '--data-dir', 'other', '--log-level', 'silent', ...taken], {
      cwd: folder,
    });
    assert.is(code, 1);
    assert.match(stderr, /^murky: [^\n]*\b(in use|listens)\b[^\n]*\.\n(hint: [^\n]*\n)?$/);
  }
});

test('a wrong configuration is exit code 2 and says where it is wrong', async () => {
  const file = join(folder, 'wrong.json');
  writeFileSync(file, JSON.stringify({ http: { port: 'eighty' } }));
  const wrong = await murky(['serve', '--config', file], { cwd: folder });
  assert.is(wrong.code, 2);
  assert.ok(wrong.stderr.includes(file) && wrong.stderr.includes('http.port') && wrong.stderr.includes('"eighty"'));
  const missing = await murky(['serve', '-c', 'none.json'], { cwd: folder });
  assert.is(missing.code, 2);
  const flag = await murky(['serve', '--cluster-replicas', '0'], { cwd: folder });
  assert.is(flag.code, 2);
  assert.ok(flag.stderr.includes('--cluster-replicas'), flag.stderr);
});

test('speaking in clear is warned of at every start, a JSON object a line', async () => {
  for (const time of ['first', 'second']) {
    const node = await start(['--cluster-insecure', '--pouring-rain-host', '0.0.0.0']);
    await node.end('SIGTERM');
    const lines = linesOf(node);
    assert.ok(
      lines.some(({ level, message }) => level === 'warn' && /in clear/.test(message)),
      `the ${time} start`,
    );
  }
});

test('without a key only this machine is spoken to', async () => {
  const open = await murky(['serve', '--pouring-rain-host', '0.0.0.0'], { cwd: folder });
  assert.is(open.code, 2);
  assert.match(
    open.stderr,
    /pouring-rain\.host is 0\.0\.0\.0, which other machines can reach, and there is no cluster/,
  );
});

test('SIGHUP reads the cluster keys again; a mistake in them changes nothing', async () => {
  const keyFile = join(folder, 'cluster.key');
  const [old, fresh] = ['11'.repeat(32), '22'.repeat(32)];
  writeFileSync(keyFile, `${old}\n`, { mode: 0o600 });
  const node = await start(['--cluster-key-file', keyFile]);
  const keys = async () =>
    ((await (await fetch(`${node.url}/status`)).json()) as { rain: { keys: string[] } }).rain.keys;
  const hangUp = async (text: string, said: string) => {
    writeFileSync(keyFile, text);
    node.child.kill('SIGHUP');
    while (!node.output().stderr.includes(said)) await sleep(20);
    return keys();
  };
  const [one] = await keys();
  const both = await hangUp(`${old}\n${fresh}\n`, 'The cluster keys are read again.');
  assert.is(both[0], one);
  assert.is(both.length, 2);
  assert.equal(await hangUp(`${fresh}\n12`, 'The cluster key in line 2'), both);
  assert.equal(await hangUp('', 'holds no cluster key'), both);
  const mistakes = linesOf(node).filter(({ level }) => level === 'error');
  assert.equal(
    mistakes.map(({ code }) => code),
    ['MURKY_BAD_CLUSTER_KEY', 'MURKY_BAD_CLUSTER_KEY'],
  );
});

test('a SIGHUP that comes while the node starts does not end it, and the keys are read again', async () => {
  const keyFile = join(folder, 'cluster.key');
  writeFileSync(keyFile, `${'11'.repeat(32)}\n`, { mode: 0o600 });
  const ports = ['--http-port', '0', '--pouring-rain-port', '0', '--cluster-key-file', keyFile];
  const child = startMurky(['serve', '--data-dir', 'data', ...ports], { cwd: folder });
  let output = '';
  let [hungUp, stopped] = [false, false];
  const ended = once(child, 'close');
  child.stdout!.resume();
  child.stderr!.on('data', (chunk: Buffer) => {
    output += chunk;
    if (!hungUp) hungUp = child.kill('SIGHUP'); // its first line: it has read its configuration
    if (!stopped && output.includes('The cluster keys are read again.')) stopped = child.kill('SIGTERM');
  });
  assert.equal(await ended, [0, null], output);
  assert.match(output, /The cluster keys are read again\./);
});

/** The log, parsed. */
function linesOf(node: Served) {
  const text = node.output().stderr.trim();
  return text.split('\n').map((line) => JSON.parse(line));
}

test('a second signal does not wait for what runs', async () => {
  const node = await start();
  const upload = connect(Number(new URL(node.url).port), '127.0.0.1');
  upload.on('error', () => {});
  upload.write('PUT /objects/slow HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nsome');
  await sleep(200);
  const ended = node.end('SIGTERM');
  while (!node.output().stderr.includes('Stopping')) await sleep(20);
  node.child.kill('SIGTERM');
  assert.equal(await ended, { code: 143, signal: null });
  upload.destroy();
});

test.run();
