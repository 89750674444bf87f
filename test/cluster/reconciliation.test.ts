import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Delivered } from '../../src/cluster/delivery.js';
import type { Handover } from '../../src/cluster/handover.js';
import type { Member } from '../../src/cluster/peers.js';
import type { Pulls } from '../../src/cluster/pulls.js';
import type { Pace } from '../../src/cluster/queued-pull.js';
import { RepairQueue } from '../../src/cluster/repair/queue.js';
import { RateLimit } from '../../src/cluster/repair/rate-limit.js';
import { Reconciliation } from '../../src/cluster/repair/reconciliation.js';
import { MurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import { BLOCK_BYTES, type Manifest, sha256 } from '../../src/object/manifest.js';
import type { Located, RainNetwork } from '../../src/rain/contract.js';
import { MemoryStore } from '../simulation/memory-store.js';
import { VirtualTime } from '../simulation/virtual-clock.js';

const value = Buffer.alloc(BLOCK_BYTES, 'a');
const manifest: Manifest = {
  key: 'photo',
  id: resourceId('photo'),
  version: { time: 7n, node: 9n },
  tombstone: false,
  size: 2 * value.length,
  blockBytes: BLOCK_BYTES,
  blockHashes: [sha256(value), sha256(value)],
  sha256: sha256(Buffer.concat([value, value])),
  metadata: {},
};
const owner = { id: 2n, state: 'alive', address: { host: '10.0.0.2', port: 1980 } } as Member;
const PER_SECOND = BLOCK_BYTES / 10;

/** A node that repairs `manifest`, and how long the next repair then has to wait for its turn to move anything. */
async function waitBehind(seams: {
  located?: Located;
  held: boolean;
  bring?: Delivered;
  bringing?: Handover['bring'];
  pulls?: Pulls;
}) {
  const time = new VirtualTime();
  const store = new MemoryStore();
  if (seams.held) {
    const writer = store.begin();
    await Promise.all([writer.write(0, value), writer.write(1, value)]);
    await writer.commit(manifest, 'replica');
  }
  const queue = new RepairQueue(store.facts);
  if (seams.held) await queue.owe(owner.id, { ...manifest, copies: 1 });
  else await queue.look(manifest.id);
  const bytesPerSecond = new RateLimit(PER_SECOND, time.clock());
  const { signal } = new AbortController();
  const reconciliation = new Reconciliation({
    rain: { locate: async () => seams.located } as unknown as RainNetwork,
    store,
    queue,
    pulls: seams.pulls ?? ({} as Pulls),
    handover: { bring: seams.bringing ?? (async () => seams.bring) } as unknown as Handover,
    owners: () => ({ self: true, others: [owner] }),
    candidates: () => [],
    bytesPerSecond,
    signal,
  });
  await reconciliation.run(manifest.id).catch(() => {});
  const from = time.now;
  await time.until(bytesPerSecond.spend(1, signal));
  return (time.now - from) / 1000;
}

test('what an owner refuses is not counted as moved, so that others are repaired meanwhile', async () => {
  const full = { kind: 'refused', code: 'MURKY_STORE_FULL', final: false } as const;
  assert.is(await waitBehind({ held: true, bring: full }), 0);
  assert.is(await waitBehind({ held: true, bring: { kind: 'newer', version: manifest.version } }), 0);
  assert.is(await waitBehind({ held: true, bring: { kind: 'durable' } }), 20, 'what was moved is paid for');
});

test('of a pull that fails only what came is counted', async () => {
  const located = { manifest, holders: [owner.address], others: [], silent: [] };
  const error = new MurkyError('MURKY_STORE_FULL', 'Full.');
  const failing = (blocks: number) => {
    const start = (_wanted: unknown, _holders: unknown, _role: unknown, pace: Pace) => {
      for (let i = 0; i < blocks; i++) void pace(BLOCK_BYTES, new AbortController().signal);
      const done = Promise.reject(error);
      done.catch(() => {});
      return { done };
    };
    return { start } as unknown as Pulls;
  };
  assert.is(await waitBehind({ held: false, located, pulls: failing(0) }), 0);
  assert.is(await waitBehind({ held: false, located, pulls: failing(1) }), 10);
  const refusing = {
    start: () => {
      throw error;
    },
  } as unknown as Pulls;
  assert.is(await waitBehind({ held: false, located, pulls: refusing }), 0);
});

test('a large object is paid for while it moves, so that others are repaired beside it', async () => {
  const bringing: Handover['bring'] = async (_owner, _manifest, { onProgress }) => {
    onProgress(1);
    onProgress(1);
    throw new MurkyError('MURKY_CLOSED', 'It goes on for an hour.');
  };
  assert.is(await waitBehind({ held: true, bringing }), 10, 'one of its two blocks');
  const further: Handover['bring'] = async (_owner, _manifest, { onProgress }) => {
    onProgress(2);
    return { kind: 'silent' };
  };
  assert.is(await waitBehind({ held: true, bringing: further }), 20);
});

test.run();
