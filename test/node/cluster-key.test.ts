import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isMurkyError } from '../../src/errors.js';
import { keyFingerprint, parseClusterKeys, readClusterKeys } from '../../src/node/cluster-key.js';
import { silentLog } from '../../src/seam/log.js';

const HEX = '00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff';
const isBadKey = (error: unknown) => isMurkyError(error, 'MURKY_BAD_CLUSTER_KEY');
const hex = (keys: readonly Uint8Array[]) => keys.map((key) => Buffer.from(key).toString('hex'));
const parsed = (text: string | Uint8Array) => hex(parseClusterKeys(Buffer.from(text), 'key'));

const OTHER = '11'.repeat(32);

test('each line of hexadecimal digits is a key, in the order of the file', () => {
  assert.equal(parsed(`${HEX}\n`), [HEX]);
  assert.equal(parsed(`\r\n  ${HEX.toUpperCase()}  \r\n\n${OTHER}\n`), [HEX, OTHER]);
});

test('raw bytes are a key as they are', () => {
  assert.equal(parsed(Buffer.from(HEX, 'hex')), [HEX]);
});

test('a mistake in any line is one sentence that names the line', () => {
  const sentence = (text: string) => {
    try {
      parsed(text);
    } catch (error) {
      return isBadKey(error) ? (error as Error).message : error;
    }
    return 'taken';
  };
  assert.is(
    sentence(`${HEX}\n\nxyz\n`),
    'Line 3 of key is no cluster key: it has to be an even number of hexadecimal digits.',
  );
  assert.is(sentence(`${HEX}\nabcd\n`), 'The cluster key in line 2 of key has 2 bytes; it has to have 16 to 64.');
  assert.is(sentence(`${HEX}\n${OTHER}\n${HEX.toUpperCase()}`), 'Lines 1 and 3 of key are the same cluster key.');
  const five = [0, 1, 2, 3, 4].map((digit) => `${digit}`.repeat(64)).join('\n');
  assert.is(sentence(five), 'key holds 5 cluster keys; a node takes 4 at most.');
});

test('a fingerprint tells keys apart and is not the key', () => {
  const [one, other] = parseClusterKeys(Buffer.from(`${HEX}\n${OTHER}`), 'key') as [Uint8Array, Uint8Array];
  assert.match(keyFingerprint(one), /^[0-9a-f]{8}$/);
  assert.is.not(keyFingerprint(one), keyFingerprint(other));
  assert.not(HEX.includes(keyFingerprint(one)));
});

test('what is no key is refused in a sentence', () => {
  for (const text of ['', '\n\n', HEX.slice(1), HEX.slice(0, 30), 'a password that is long enough', HEX.repeat(3)]) {
    assert.throws(() => parseClusterKeys(Buffer.from(text), 'key'), isBadKey, JSON.stringify(text));
  }
  assert.throws(() => parseClusterKeys(Buffer.alloc(15, 0xff), 'key'), isBadKey);
  assert.throws(() => parseClusterKeys(Buffer.alloc(65, 0xff), 'key'), isBadKey);
});

test('a missing file is named, and one that others can read is warned of', () => {
  assert.throws(() => readClusterKeys('/nonexistent/key', silentLog), /\/nonexistent\/key cannot be read \(ENOENT\)/);
  const folder = mkdtempSync(join(tmpdir(), 'murky-key-'));
  const file = join(folder, 'key');
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (_: object, sentence: string) => void warnings.push(sentence) };
  writeFileSync(file, HEX, { mode: 0o600 });
  readClusterKeys(file, log);
  assert.is(warnings.length, 0);
  chmodSync(file, 0o644);
  assert.equal(hex(readClusterKeys(file, log)), [HEX]);
  assert.is(warnings.length, 1);
  rmSync(folder, { recursive: true });
});

test.run();
