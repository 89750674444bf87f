import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readServersList } from '../../src/config/servers-list.js';
import { isMurkyError } from '../../src/errors.js';

const test = suite<{ path: string; folder: string }>('readServersList');

test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'murky-servers-'));
  context.path = join(context.folder, 'servers.json');
});
test.after.each(({ folder }) => {
  rmSync(folder, { recursive: true });
});

function refused(path: string, optional = false): string[] {
  try {
    readServersList(path, { optional });
  } catch (error) {
    if (!isMurkyError(error, 'MURKY_BAD_CONFIG')) throw error;
    return (error.facts.mistakes as string[]).map((mistake) => mistake.replace(path, 'servers.json'));
  }
  throw new Error('the list was accepted');
}

test("the original's form", ({ path }) => {
  writeFileSync(path, '[{"host": "10.0.0.2", "port": 1980}, {"host": "store.example", "port": 1}]');
  assert.equal(readServersList(path, { optional: false }), [
    { host: '10.0.0.2', port: 1980 },
    { host: 'store.example', port: 1 },
  ]);
  writeFileSync(path, '[]');
  assert.equal(readServersList(path, { optional: false }), []);
});

test('a missing list is empty only where it is optional', ({ path }) => {
  assert.equal(readServersList(path, { optional: true }), []);
  assert.equal(refused(path), ['servers.json (servers-list) does not exist.']);
});

test('every mistake in the list has its place', ({ path }) => {
  writeFileSync(path, '[{"host": "a b", "prot": 1980}, 7, {"host": "a", "port": "1"}, {"host": "b", "port": 2}]');
  assert.equal(refused(path, true), [
    'servers.json: [0].prot is not a known key; did you mean port?',
    'servers.json: [0].host: found "a b"; allowed: a host name or IP address.',
    'servers.json: [0].port: it is missing; allowed: a whole number from 1 to 65535.',
    'servers.json: [1]: found 7; allowed: {"host": "...", "port": 1980}.',
    'servers.json: [2].port: found "1"; allowed: a whole number from 1 to 65535.',
  ]);
});

test('what is no list at all', ({ path }) => {
  writeFileSync(path, '{"host": "a", "port": 1}');
  assert.match(refused(path)[0]!, 'found {"host":"a","port":1}; allowed: a list');
  writeFileSync(path, '[{"host": "a",\n]');
  assert.match(refused(path)[0]!, 'servers.json, line 2, column 1: ');
  writeFileSync(path, JSON.stringify(Array(1025).fill({ host: 'a', port: 1 })));
  assert.match(refused(path)[0]!, 'found 1025 servers; allowed: a list of at most 1024 servers');
});

test.run();
