import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MurkyError } from '../../src/errors.js';
import { type Running, start } from './harness.js';

const MIB = 2 ** 20;
const test = suite<Running & { folder: string }>('curl');
const hasCurl = spawnSync('curl', ['--version']).status === 0;
const check = hasCurl ? test : test.skip;

test.before.each(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'murky-curl-'));
  Object.assign(context, await start({ http: { maxObjectBytes: 32 * MIB } }));
});
test.after.each(async ({ gateway, folder }) => {
  await gateway.close();
  rmSync(folder, { recursive: true });
});

interface Run {
  readonly code: number | null;
  readonly out: string;
}

/** Runs curl in the folder; `input` is written to its standard input. */
function curl(folder: string, args: readonly string[], input?: Buffer): Promise<Run> {
  return new Promise((resolve) => {
    const child = spawn('curl', ['-sS', '--max-time', '30', ...args], { cwd: folder });
    let out = '';
    child.stdout.on('data', (text) => {
      out += text;
    });
    child.stderr.on('data', (text) => {
      out += text;
    });
    child.stdin.on('error', () => {}); // curl left before it had read all
    child.stdin.end(input);
    child.on('close', (code) => resolve({ code, out }));
  });
}

check('a file goes in and comes back, by -T, from a pipe and with --data-binary', async ({ gateway, folder }) => {
  const url = `${gateway.url}/objects/photos/a.jpg`;
  const value = randomBytes(5 * MIB + 3);
  writeFileSync(join(folder, 'in'), value);
  for (const args of [
    ['-T', 'in', url],
    ['-T', '-', url],
    ['-X', 'PUT', '--data-binary', '@in', url],
    ['-T', 'in', '-H', 'Expect:', url],
    ['-T', 'in', '-0', url],
  ]) {
    const put = await curl(
      folder,
      ['-w', '%{http_code}', '-o', 'answer', ...args],
      args[1] === '-' ? value : undefined,
    );
    assert.equal([put.code, put.out], [0, args[1] === 'in' && args.length === 3 ? '201' : '200'], args.join(' '));
    const get = await curl(folder, ['-o', 'out', url]);
    assert.is(get.code, 0);
    assert.ok(readFileSync(join(folder, 'out')).equals(value));
  }
});

check('an empty file, and one byte', async ({ gateway, folder }) => {
  for (const size of [0, 1]) {
    writeFileSync(join(folder, 'in'), Buffer.alloc(size));
    assert.is((await curl(folder, ['-f', '-T', 'in', `${gateway.url}/${size}`])).code, 0);
    assert.is((await curl(folder, ['-f', '-o', 'out', `${gateway.url}/${size}`])).code, 0);
    assert.is(readFileSync(join(folder, 'out')).length, size);
  }
});

check('who is refused in the middle of a large upload sees why, however it is sent', async (context) => {
  const { gateway, node, folder } = context;
  writeFileSync(join(folder, 'in'), Buffer.alloc(31 * MIB));
  writeFileSync(join(folder, 'large'), Buffer.alloc(40 * MIB));
  node.onPiece = () => Promise.reject(new MurkyError('MURKY_DISK_FULL', 'The disk is full.'));
  const url = `${gateway.url}/objects/a`;
  for (const [args, status] of [
    [['-T', 'in'], 507],
    [['-T', 'in', '-H', 'Expect:'], 507],
    [['-T', 'in', '-H', 'Transfer-Encoding: chunked'], 507],
    [['-T', 'large'], 413],
    [['-T', 'large', '-H', 'Expect:'], 413],
  ] as const) {
    for (let i = 0; i < 3; i++) {
      const { code, out } = await curl(folder, ['-w', '%{http_code}', ...args, url]);
      assert.is(code, 0, `${args.join(' ')}: ${out}`);
      assert.match(out, `"status":${status}`);
      assert.ok(out.endsWith(String(status)));
    }
  }
});

check(
  'an interrupted download goes on with -C, and a changed object starts anew',
  async ({ gateway, node, folder }) => {
    const value = randomBytes(3 * MIB);
    await node.put('a', value);
    writeFileSync(join(folder, 'out'), value.subarray(0, MIB + 5));
    assert.is((await curl(folder, ['-C', '-', '-o', 'out', `${gateway.url}/objects/a`])).code, 0);
    assert.ok(readFileSync(join(folder, 'out')).equals(value));
  },
);

check('--etag-compare downloads only what changed', async ({ gateway, node, folder }) => {
  await node.put('a', Buffer.from('one'));
  const get = [
    '-w',
    '%{http_code}',
    '-o',
    'out',
    '--etag-save',
    'tag',
    '--etag-compare',
    'tag',
    `${gateway.url}/objects/a`,
  ];
  assert.is((await curl(folder, get)).out, '200');
  assert.is((await curl(folder, get)).out, '304');
  await node.put('a', Buffer.from('two'));
  assert.is((await curl(folder, get)).out, '200');
  assert.is(readFileSync(join(folder, 'out'), 'utf8'), 'two');
});

check('a body that is cut makes curl fail', async ({ gateway, node, folder }) => {
  await node.put('a', Buffer.alloc(3 * MIB));
  node.beforeBlock = (index) =>
    index < 2 ? Promise.resolve() : Promise.reject(new MurkyError('MURKY_NO_SERVER', 'Gone.'));
  const { code } = await curl(folder, ['-o', 'out', `${gateway.url}/objects/a`]);
  assert.ok(code === 18 || code === 56, `curl said ${code}`); // partial file, or reset
});

check('the keys . and .. with --path-as-is', async ({ gateway, node, folder }) => {
  for (const key of ['.', '..', 'a/../b']) {
    assert.is(
      (await curl(folder, ['-f', '--path-as-is', '-T', '-', `${gateway.url}/objects/${key}`], Buffer.from(key))).code,
      0,
    );
    assert.is(node.objects.get(key)?.value.toString(), key);
  }
});

test.run();
