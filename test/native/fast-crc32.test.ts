import { existsSync, readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addon } from '../../src/native/addon.js';
import { fastCrc32 } from '../../src/native/fast-crc32.js';

test('it is the CRC-32 of zlib, of views into larger memory too', () => {
  const memory = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 251));
  assert.is(fastCrc32(Buffer.from('123456789')), 0xcbf43926);
  for (const [from, to] of [
    [0, 0],
    [1, 64],
    [3, 131],
    [0, 100_000],
    [17, 99_999],
  ] as const) {
    const view = memory.subarray(from, to);
    assert.is(fastCrc32(view), crc32(view), `${from} to ${to}`);
  }
});

test('a CPU that multiplies without carries does so; what is no bytes is refused', () => {
  const multiplies = existsSync('/proc/cpuinfo') && /\bpclmulqdq\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));
  if (multiplies) assert.type(addon().crc32, 'function');
  assert.throws(() => fastCrc32('abc' as never), /bytes|Uint8Array|Buffer/i);
});

test.run();
