import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RequestKind } from '../../src/rain/contract.js';
import { LocalCluster } from '../node/local-cluster.js';
import { endpoint } from '../rain/open.js';

const FACT = /^\| `([a-zA-Z]+)` +\| (text|number)/gm;

test('a node tells the facts that docs/wire.md lists, and no others', async () => {
  const page = readFileSync(new URL('../../docs/wire.md', import.meta.url), 'utf8');
  const section = page.slice(page.indexOf('### STATUS'), page.indexOf('### PROPAGATE'));
  const listed = Object.fromEntries([...section.matchAll(FACT)].map(([, name, type]) => [name, type]));
  const cluster = new LocalCluster();
  const node = await cluster.start('node');
  const asker = await endpoint({ key: Buffer.from(readFileSync(cluster.keyFile, 'utf8').trim(), 'hex') });
  try {
    const body = await asker.request(cluster.addressOf(node), RequestKind.Status, Buffer.of(1), { timeoutMs: 5000 });
    assert.is(body[0], 1);
    const facts = Object.entries(JSON.parse(Buffer.from(body.subarray(1)).toString()));
    const told = facts.map(([name, fact]) => [name, typeof fact === 'string' ? 'text' : 'number']);
    assert.equal(Object.fromEntries(told), listed);
  } finally {
    await asker.close();
    await cluster.close();
  }
});

test.run();
