import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseTag } from '../../src/cli/options.js';
import { murky } from './murky-process.js';

const test = suite('usage, help and keygen');
const folder = mkdtempSync(join(tmpdir(), 'murky-usage-'));
test.after(() => rmSync(folder, { recursive: true }));

test('wrong usage is exit code 2 and says where the help is', async () => {
  const cases: [words: string[], sentence: RegExp, help: string][] = [
    [['gett', 'x'], /^Unknown command 'gett' \(Did you mean get\?\)$/, 'murky --help'],
    [['get'], /^Missing required argument 'key'\.$/, 'murky get --help'],
    [['get', 'a', 'b'], /^Too many arguments for 'get'\./, 'murky get --help'],
    [['put', 'x', 'y', '--content'], /^Unknown option '--content'/, 'murky put --help'],
    [['ls', '--node', 'ftp://x'], /'ftp:\/\/x' is invalid\. It is written as http:/, 'murky ls --help'],
    [['put', 'x', 'y', '--content-type', 'a/b\nc'], /is invalid\. It is written as image/, 'murky put --help'],
    [['ls', '--timeout', '-1'], /'-1' is invalid\./, 'murky ls --help'],
    [['rm', 'x', '--if-match', 'ü€'], /'ü€' is invalid\. It is a SHA-256,/, 'murky rm --help'],
  ];
  for (const [words, sentence, help] of cases) {
    const { code, text, stderr } = await murky(words);
    assert.is(code, 2, words.join(' '));
    assert.is(text, '');
    const [first, second, ...rest] = stderr.split('\n');
    assert.match(first!.replace(/^murky: /, ''), sentence);
    assert.is(second, `hint: See: ${help}`);
    assert.equal(rest, ['']);
  }
});

test('a condition becomes an ETag', () => {
  const digits = 'aB'.repeat(32);
  for (const text of [digits, `"${digits}"`]) assert.is(parseTag(text), `"${digits.toLowerCase()}"`);
  assert.is(parseTag('*'), '*');
});

test('a key that cannot be is refused before anything is sent', async () => {
  for (const key of ['', 'x'.repeat(1025), 'line\nfeed']) {
    const { code, stderr } = await murky(['get', key, '--node', '127.0.0.1:1']);
    assert.is(code, 2);
    assert.match(stderr, /^murky: The key /);
  }
});

test('help and version go to standard output', async () => {
  const help = await murky(['--help']);
  assert.is(help.code, 0);
  const commands = [...help.text.matchAll(/^ {2}([a-z]+) (?:\[options\]| )/gm)].map(([, name]) => name!);
  for (const name of ['serve', 'put', 'get', 'rm', 'ls', 'status', 'fetch', 'keygen', 'doctor', 'demo']) {
    assert.ok(commands.includes(name), name);
  }
  const page = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  const described = [...page.matchAll(/^## (\w+)$/gm)].map(([, name]) => name!);
  assert.equal(
    described,
    commands.filter((name) => name !== 'help' && name !== 'murky'),
  );
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  assert.is((await murky(['--version'])).text, `${version}\n`);
  assert.is((await murky([])).code, 2);
});

test('keygen makes another key each time, and a file that only its owner reads', async () => {
  const [one, two] = [await murky(['keygen']), await murky(['keygen'])];
  assert.match(one.text, /^[0-9a-f]{64}\n$/);
  assert.is.not(one.text, two.text);
  const file = join(folder, 'cluster.key');
  assert.is((await murky(['keygen', '-o', file])).code, 0);
  const written = readFileSync(file, 'utf8');
  assert.match(written, /^[0-9a-f]{64}\n$/);
  assert.is(statSync(file).mode & 0o777, 0o600);
  const again = await murky(['keygen', '-o', file]);
  assert.is(again.code, 1);
  assert.match(again.stderr, /is there already/);
  assert.is(readFileSync(file, 'utf8'), written);
});

test('a reader that goes away ends the command quietly', () => {
  const command = `"${process.execPath}" --import tsx src/cli/murky.ts --help | head -c 1; exit \${PIPESTATUS[0]}`;
  const { status, stderr } = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
  assert.is(stderr, '');
  assert.is(status, 0);
});

test('standard output that takes nothing is one sentence and exit code 1', () => {
  if (process.platform !== 'linux') return;
  for (const words of ['--help', 'keygen']) {
    const command = `"${process.execPath}" --import tsx src/cli/murky.ts ${words} > /dev/full`;
    const { status, stderr } = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
    assert.is(status, 1, words);
    assert.is(stderr, 'murky: Cannot write "standard output": the disk is full.\n');
  }
});

test.run();
