import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { symbolBytesFor } from '../../src/rain/symbol-size.js';

const MIB = 2 ** 20;

test('1344 bytes to other machines, whatever their interface could carry', () => {
  for (const mtu of [0, 1500, 9000, 65536]) {
    assert.is(symbolBytesFor(MIB, [{ host: '192.0.2.1', mtu }]), 1344);
    assert.is(symbolBytesFor(MIB, [{ host: '2001:db8::1', mtu }]), 1344);
  }
  assert.is(symbolBytesFor(MIB, []), 1344);
});

test('the longest symbols within this machine, as far as its loopback interface carries them', () => {
  for (const host of ['127.0.0.1', '127.3.2.1', '::1']) {
    assert.is(symbolBytesFor(MIB, [{ host, mtu: 65536 }]), 8896);
    assert.is(symbolBytesFor(MIB, [{ host, mtu: 0 }]), 1344);
  }
  // 139 times 64, and 20 of IPv4, 8 of UDP and 48 of rain; IPv6 has 20 more.
  assert.is(symbolBytesFor(MIB, [{ host: '127.0.0.1', mtu: 8972 }]), 8896);
  assert.is(symbolBytesFor(MIB, [{ host: '::1', mtu: 8991 }]), 8832);
});

test('shorter symbols where the system knows of a narrower path', () => {
  // 1280 is the least of IPv6: less 96 it is 1184, rounded down to a multiple of 64.
  assert.is(symbolBytesFor(MIB, [{ host: '2001:db8::1', mtu: 1280 }]), 1152);
  assert.is(symbolBytesFor(MIB, [{ host: '192.0.2.1', mtu: 1400 }]), 1280);
  assert.is(symbolBytesFor(MIB, [{ host: '192.0.2.1', mtu: 68 }]), 64);
});

test('no longer than what was found to come over the path', () => {
  for (const mtu of [0, 1500]) {
    assert.is(symbolBytesFor(MIB, [{ host: '192.0.2.1', mtu, symbolLimitBytes: 1152 }]), 1152);
    assert.is(symbolBytesFor(MIB, [{ host: '192.0.2.1', mtu, symbolLimitBytes: 4416 }]), 1344);
  }
  assert.is(symbolBytesFor(MIB, [{ host: '192.0.2.1', mtu: 1280, symbolLimitBytes: 1152 }]), 1152);
  assert.is(symbolBytesFor(MIB, [{ host: '127.0.0.1', mtu: 65536, symbolLimitBytes: 4416 }]), 4416);
});

test('the narrowest of several paths decides', () => {
  const here = { host: '127.0.0.1', mtu: 65536 };
  assert.is(symbolBytesFor(MIB, [here, { host: '192.0.2.1', mtu: 1500 }, here]), 1344);
  assert.is(symbolBytesFor(MIB, [here, here]), 8896);
});

test('no longer than the largest block', () => {
  assert.is(symbolBytesFor(1, []), 64);
  assert.is(symbolBytesFor(65, [{ host: '127.0.0.1', mtu: 65536 }]), 128);
  assert.is(symbolBytesFor(5000, [{ host: '127.0.0.1', mtu: 65536 }]), 5056);
});

test.run();
