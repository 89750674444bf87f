import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { KeyedLock } from '../../src/cluster/keyed-lock.js';
import { Pulls } from '../../src/cluster/pulls.js';
import type { Pace } from '../../src/cluster/queued-pull.js';
import { isMurkyError } from '../../src/errors.js';
import { HybridClock } from '../../src/object/hybrid-clock.js';
import type { Manifest } from '../../src/object/manifest.js';
import type { Address, BlockFetch, Located, RainNetwork } from '../../src/rain/contract.js';
import { NOTHING } from '../../src/rain/report.js';
import { MemoryStore } from '../simulation/memory-store.js';
import { VirtualTime } from '../simulation/virtual-clock.js';
import { block, manifestOf } from './sample-manifest.js';

const at = (n: number): Address => ({ host: `10.0.0.${n}`, port: 1980 });

/** Pulls over a network that ends no fetch and no lookup before it is told to. */
function begin() {
  const asked = new Map<string, string[]>();
  const givenBack: Uint8Array[] = [];
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const rain = {
    async locate(_: bigint, servers: readonly Address[]): Promise<Located> {
      const holders = [...servers];
      await released;
      return { manifest: manifestOf('located'), holders, others: [], silent: [] };
    },
    fetch(manifest: Manifest, servers: readonly Address[]): BlockFetch {
      const hosts = servers.map(({ host }) => host);
      asked.set(manifest.key, hosts);
      return {
        report: () => NOTHING,
        addServer: ({ host }) => void hosts.push(host),
        async *[Symbol.asyncIterator]() {
          await released;
          const bytes = Uint8Array.from(block);
          yield { index: 0, bytes, release: () => givenBack.push(bytes.fill(0)) };
        },
      };
    },
  } as unknown as RainNetwork;
  const clock = new VirtualTime().clock();
  const versions = new HybridClock(clock, 1n);
  const store = new MemoryStore();
  const pulls = new Pulls({ rain, store, clock, versions, commits: new KeyedLock() }, 24);
  const start = (manifest: Manifest, holder: number, inline = true, pace?: Pace) => {
    const { id, version } = manifest;
    return pulls.start({ id, version, ...(inline && { manifest }) }, [at(holder)], 'replica', pace);
  };
  return { asked, givenBack, store, release, start, pulls };
}

test('holders that turn up while a pull waits in line, runs or asks for the manifest are fetched from too', async () => {
  const { asked, release, start } = begin();
  const inLine = Array.from({ length: 9 }, (_, i) => manifestOf(`key ${i}`));
  const pulls = inLine.map((manifest) => start(manifest, 1));
  pulls.push(start(manifestOf('located'), 1, false));
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(asked.size, 8, 'the others wait');
  for (const manifest of inLine) start(manifest, 2);
  start(manifestOf('located'), 2, false);
  release();
  await Promise.all(pulls.map(({ done }) => done));
  for (const [key, hosts] of asked) assert.equal(hosts, ['10.0.0.1', '10.0.0.2'], key);
  assert.is(asked.size, 10);
});

test('what is over 8 pulls and 1024 in line is refused as busy', () => {
  const { start } = begin();
  const one = (n: number) => start({ ...manifestOf(`large ${n}`), size: 2 ** 30 }, 1).done.catch(() => {});
  for (let n = 0; n < 8 + 1024; n++) void one(n);
  assert.throws(
    () => one(8 + 1024),
    (error: unknown) => isMurkyError(error, 'MURKY_BUSY'),
  );
  start(manifestOf('small'), 1).done.catch(() => {}); // they have a line of their own
});

test('a small object does not wait for large ones', async () => {
  const { asked, release, start } = begin();
  const large = Array.from({ length: 20 }, (_, i) => ({ ...manifestOf(`large ${i}`), size: 2 ** 30 }));
  for (const manifest of large) start(manifest, 1).done.catch(() => {});
  const small = start(manifestOf('small'), 1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(asked.has('small'));
  assert.is(asked.size, 9, 'the others wait');
  release();
  await small.done;
});

test('the memory of a block is given back once it is in the store, and not before', async () => {
  const { givenBack, store, release, start } = begin();
  const manifest = manifestOf('x');
  release();
  await start(manifest, 1).done;
  assert.is(givenBack.length, 1);
  assert.equal(await store.block(manifest.id, manifest.version, 0), Uint8Array.from(block));
});

/** Lets no block pass before it is told to. */
function gate(): { pace: Pace; paid: number[]; open: () => void } {
  const paid: number[] = [];
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const pace: Pace = (bytes, signal) => {
    paid.push(bytes);
    const hurried = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    return Promise.race([opened, hurried]);
  };
  return { pace, paid, open };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('a repair fetches no block before its turn', async () => {
  const { asked, release, start } = begin();
  const { pace, paid, open } = gate();
  release();
  const pull = start(manifestOf('x'), 1, true, pace);
  await turn();
  assert.equal(paid, [block.length]);
  assert.is(asked.size, 0);
  open();
  assert.equal(await pull.done, { kind: 'held' });
});

test('a repair that someone comes to wait for goes on at once', async () => {
  const { release, start } = begin();
  const { pace } = gate();
  release();
  const repair = start(manifestOf('x'), 1, true, pace);
  await turn();
  assert.is(start(manifestOf('x'), 2, true, pace), repair);
  await turn();
  assert.is(repair.blocks(), 0, 'another repair is no reason');
  assert.equal(await start(manifestOf('x'), 2).done, { kind: 'held' });
});

test('who turns up while a repair that knows the holders by a lookup waits for its turn is fetched from too', async () => {
  const { asked, release, start } = begin();
  const { pace, paid } = gate();
  release();
  const repair = start(manifestOf('located'), 1, false, pace);
  await turn();
  assert.equal(paid, [block.length], 'the manifest is here');
  start(manifestOf('located'), 2, false);
  assert.equal(await repair.done, { kind: 'held' });
  assert.equal(asked.get('located'), ['10.0.0.1', '10.0.0.2']);
});

test('no write waits for repairs, nor one that was queued as a repair', async () => {
  const { asked, pulls, release, start } = begin();
  const { pace } = gate();
  const repairs = Array.from({ length: 20 }, (_, i) => start(manifestOf(`repair ${i}`), 1, true, pace));
  const write = start(manifestOf('write'), 1);
  const last = start(manifestOf('repair 19'), 2);
  await turn();
  assert.equal([...asked.keys()].sort(), ['repair 19', 'write']);
  release();
  assert.equal(await Promise.all([write.done, last.done]), [{ kind: 'held' }, { kind: 'held' }]);
  await pulls.close();
  const ended = await Promise.allSettled(repairs.map(({ done }) => done));
  assert.is(
    ended.filter(({ status }) => status === 'fulfilled').length,
    1,
    'what waits for its turn ends with the node',
  );
});

test('what waits in line is seen to get on by the blocks of those before it', async () => {
  const { release, start } = begin();
  const pulls = Array.from({ length: 9 }, (_, i) => start(manifestOf(`key ${i}`), 1));
  const last = pulls.at(-1)!;
  await turn();
  assert.equal([last.ahead(), last.blocks()], [0, 0]);
  release();
  await Promise.all(pulls.map(({ done }) => done));
  assert.ok(last.ahead() > 0);
  assert.is(last.blocks(), 1);
  assert.is(pulls[0]!.ahead(), 0, 'it had not to wait');
});

test('who wants other bytes under the same version is told so while they come', async () => {
  const { release, start } = begin();
  const pull = start(manifestOf('x'), 1);
  await turn();
  const other = { ...manifestOf('x'), metadata: { note: 'other' } };
  assert.throws(
    () => start(other, 2),
    (error: unknown) => isMurkyError(error, 'MURKY_VERSION_CONFLICT'),
  );
  release();
  assert.equal(await pull.done, { kind: 'held' });
});

test.run();
