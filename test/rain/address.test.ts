import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatAddress, isLoopback, parseAddress } from '../../src/rain/address.js';
import { failure } from './rejects.js';

test('addresses are read and written', () => {
  const pairs = [
    ['127.0.0.1:1980', '127.0.0.1', 1980],
    ['[::1]:1', '::1', 1],
    ['[2001:db8::7]:65535', '2001:db8::7', 65535],
    ['node-3.example.org:80', 'node-3.example.org', 80],
  ] as const;
  for (const [text, host, port] of pairs) {
    assert.equal(parseAddress(text), { host, port });
    assert.is(formatAddress({ host, port }), text);
  }
});

test('what is not an address is refused with a sentence', async () => {
  const wrong = [
    '',
    'host',
    ':80',
    'host:',
    'host:0',
    'host:65536',
    'host:8o',
    '::1:80',
    '[host]:80',
    '[::1]',
    'a b:1',
  ];
  for (const text of [...wrong, 'http://host:80', '-h:1']) {
    const error = await failure('MURKY_BAD_ARGUMENT', () => parseAddress(text));
    assert.match(error.message, /\.$/);
  }
});

test('loopback is told from the rest', () => {
  for (const host of ['127.0.0.1', '127.9.8.7', '::1', '::ffff:127.0.0.1']) assert.ok(isLoopback(host), host);
  for (const host of ['0.0.0.0', '::', '128.0.0.1', '10.0.0.1', '127.example.org', '::ffff:10.0.0.1']) {
    assert.not(isLoopback(host), host);
  }
});

test.run();
