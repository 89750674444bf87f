import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isMurkyError } from '../../src/errors.js';
import { parseClusterKey, readClusterKey } from '../../src/node/cluster-key.js';
import { silentLog } from '../../src/seam/log.js';

const HEX = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';
const isBadKey = (error: unknown) => isMurkyError(error, 'MURKY_BAD_CLUSTER_KEY');
const parsed = (text: string | Uint8Array) => Buffer.from(parseClusterKey(Buffer.from(text), 'key')).toString('hex');

test('the first line of hexadecimal digits is the key', () => {
  assert.is(parsed(`${HEX}\n`), HEX);
  assert.is(parsed(`\r\n  ${HEX.toUpperCase()}  \r\n${'11'.repeat(32)}\n`), HEX);
});

test('raw bytes are a key as they are', () => {
  const raw = Buffer.from(HEX, 'hex');
  assert.is(parsed(raw), HEX);
});

test('what is no key is refused in a sentence', () => {
  for (const text of ['', '\n\n', HEX.slice(1), HEX.slice(0, 30), 'a password that is long enough', HEX.repeat(3)]) {
    assert.throws(() => parseClusterKey(Buffer.from(text), 'key'), isBadKey, JSON.stringify(text));
  }
  assert.throws(() => parseClusterKey(Buffer.alloc(15, 0xff), 'key'), isBadKey);
  assert.throws(() => parseClusterKey(Buffer.alloc(65, 0xff), 'key'), isBadKey);
});

test('a missing file is named, and one that others can read is warned of', () => {
  assert.throws(() => readClusterKey('/nonexistent/key', silentLog), /\/nonexistent\/key cannot be read \(ENOENT\)/);
  const folder = mkdtempSync(join(tmpdir(), 'murky-key-'));
  const file = join(folder, 'key');
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (_: object, sentence: string) => void warnings.push(sentence) };
  writeFileSync(file, HEX, { mode: 0o600 });
  readClusterKey(file, log);
  assert.is(warnings.length, 0);
  chmodSync(file, 0o644);
  assert.is(Buffer.from(readClusterKey(file, log)).toString('hex'), HEX);
  assert.is(warnings.length, 1);
  rmSync(folder, { recursive: true });
});

test.run();
