import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { murky, startMurky } from './murky-process.js';

const test = suite('demo');
let folder: string;
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'murky-demo-test-'));
});
test.after.each(() => rmSync(folder, { recursive: true }));

/** What a demo has left in its temporary folder (the loader of the tests keeps its cache there too). */
function leftBehind(): string[] {
  return readdirSync(folder).filter((name) => name.startsWith('murky'));
}

/** Command lines of processes that name the folder; the system must have /proc. */
function processesThatName(text: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return ''; // it has ended meanwhile
      }
    })
    .filter((line) => line.includes(text));
}

test('a node dies half-way, packets are lost, and the bytes arrive; nothing stays behind', async () => {
  const { code, text, stderr } = await murky(['demo'], { env: { TMPDIR: folder } });
  assert.is(code, 0, text + stderr);
  assert.match(stderr, /killed Node 1 \(SIGKILL\)/);
  assert.match(text, /SHA-256 equal\n$/);
  const rows = [...text.matchAll(/^Node \d(?:, killed)? +\S+ +(\d+) /gm)];
  assert.is(rows.length, 3);
  for (const [, symbols] of rows) assert.ok(Number(symbols) > 0);
  assert.equal(leftBehind(), []);
  if (process.platform === 'linux') assert.equal(processesThatName(folder), []);
});

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`${signal} while the nodes run leaves no process`, async () => {
    const child = startMurky(['demo'], { env: { TMPDIR: folder } });
    let output = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    while (!output.includes('Storing')) await once(child.stdout!, 'data');
    child.kill(signal);
    const [, by] = await once(child, 'close');
    assert.is(by, signal);
    if (signal === 'SIGINT') assert.equal(leftBehind(), []);
    if (process.platform !== 'linux') return;
    for (let i = 0; i < 100 && processesThatName(folder).length > 0; i++) await sleep(100);
    assert.equal(processesThatName(folder), []);
  });
}

test.run();
