import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isMurkyError } from '../../src/errors.js';
import { LocalCluster, readAll } from './local-cluster.js';

const ONE = '11'.repeat(32);
const TWO = '22'.repeat(32);
const THREE = '33'.repeat(32);

/** One data folder, and a key file that is written anew before each start. */
function folderOfOneNode() {
  const cluster = new LocalCluster();
  const keyFile = join(cluster.folder, 'own.key');
  const write = (...keys: string[]) => writeFileSync(keyFile, keys.join('\n'), { mode: 0o600 });
  return {
    cluster,
    write,
    start: (...keys: string[]) => {
      write(...keys);
      return cluster.start('a', { keyFile });
    },
  };
}

test('a data folder of another cluster is refused in a sentence, and keeps what it holds', async () => {
  const { cluster, start } = folderOfOneNode();
  const node = await start(ONE);
  await node.put('k', Buffer.from('of one'));
  await cluster.stop(node);
  let refusal: unknown;
  await start(TWO).catch((error: unknown) => {
    refusal = error;
  });
  assert.ok(isMurkyError(refusal, 'MURKY_DATA_DIR_UNUSABLE'), String(refusal));
  assert.match(
    (refusal as Error).message,
    /^The data folder .* belongs to a cluster with another key than [0-9a-f]{8}\.$/,
  );
  const again = await start(ONE);
  assert.is((await readAll(again, 'k')).toString(), 'of one');
  await cluster.close();
});

test('keys that are changed one after the other are followed over restarts', async () => {
  const { cluster, start } = folderOfOneNode();
  for (const keys of [[ONE], [ONE, TWO], [TWO], [THREE, TWO], [THREE]]) await cluster.stop(await start(...keys));
  await start(ONE).then(
    () => assert.unreachable('the first key is forgotten'),
    (error: unknown) => assert.ok(isMurkyError(error, 'MURKY_DATA_DIR_UNUSABLE'), String(error)),
  );
  await cluster.close();
});

test('keys that are changed while the node runs are followed, too', async () => {
  const { cluster, start, write } = folderOfOneNode();
  const node = await start(ONE);
  for (const keys of [[ONE, TWO], [TWO, ONE], [TWO]]) {
    write(...keys);
    await node.reloadClusterKeys();
  }
  await cluster.stop(node);
  await cluster.stop(await start(TWO));
  await cluster.close();
});

test.run();
