import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FakeNode, startFakeNode } from './fake-node.js';
import { murky } from './murky-process.js';

let node: FakeNode;

test.before(async () => {
  node = await startFakeNode();
});
test.after(() => node.close());

const run = (...words: string[]) => murky(['peers', ...words], { env: { MURKY_NODE: node.url } });

test('peers shows every peer with what was expected and came last', async () => {
  const { code, text, stderr } = await run();
  assert.is(code, 0, stderr);
  assert.match(text, /^west:1981 +alive +60 Mbit\/s +60 Mbit\/s +75 % +5\.1 % +40\.\d ms +0 +30\.0 s ago$/m);
  assert.match(text, /^\[2001:db8::9\]:1982 +unknown( +-)+ +never$/m);
});

test('of one peer, by its name or its address, each fetch that is kept is shown, the newest first', async () => {
  for (const name of ['west:1981', '192.0.2.7:1981']) {
    const { code, text, stderr } = await run(name);
    assert.is(code, 0, stderr);
    const lines = text
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/ {2,}/));
    assert.equal(lines, [
      ['fetched', 'foretold', 'came', 'of foretold'],
      ['30.0 s ago', '80 Mbit/s', '60 Mbit/s', '75 %'],
      ['10 min 30 s ago', 'unknown', '80 Mbit/s', '-'],
    ]);
  }
  const json = JSON.parse((await run('west:1981', '--json')).text);
  assert.is(json.path.fetches.length, 2);
});

test('a peer that nothing was fetched from, one that is not known, and what is no address', async () => {
  const never = await run('[2001:db8::9]:1982');
  assert.is(never.code, 0);
  assert.match(never.text, /No fetch has measured the path to \[2001:db8::9\]:1982 yet/);
  const stranger = await run('west:1');
  assert.is(stranger.code, 3);
  assert.match(stranger.stderr, /knows no other node at west:1/);
  assert.is((await run('west')).code, 2);
});

test.run();
