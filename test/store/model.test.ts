import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isMurkyError } from '../../src/errors.js';
import { resourceId } from '../../src/object/key.js';
import { tombstone } from '../../src/object/manifest.js';
import type { BlockWriter, Role } from '../../src/store/contract.js';
import { ObjectStore } from '../../src/store/object-store.js';
import { inFolder } from './beds.js';
import { eventually } from './expect.js';
import { ManualClock } from './manual-clock.js';
import { collect, content, manifestOf, read, version } from './objects.js';

const MAX_BYTES = 10_000;
const BLOCK = 1000;
const GRACE_MS = 60_000;

interface Known {
  time: number;
  role: Role;
  tombstone: boolean;
  size: number;
}

/** What a store has to hold, by the words of its contract; sizes and times only. */
class Model {
  readonly current = new Map<string, Known>();
  overwritten: { key: string; time: number; size: number; atMs: number }[] = [];

  sum(role: Role): number {
    return [...this.current.values()].reduce((sum, one) => sum + (one.role === role ? one.size : 0), 0);
  }

  get otherBytes(): number {
    return this.overwritten.reduce((sum, one) => sum + one.size, 0);
  }

  get usedBytes(): number {
    return this.sum('replica') + this.sum('cached') + this.otherBytes;
  }

  /** Whether `bytes` fit once cached copies have gone. */
  hasRoom(bytes: number): boolean {
    return this.usedBytes - this.sum('cached') + bytes <= MAX_BYTES;
  }

  place(key: string, next: Known, nowMs: number): 'committed' | 'superseded' | 'already' {
    const before = this.current.get(key);
    if (before && before.time > next.time) {
      const there = this.overwritten.some((one) => one.key === key && one.time === next.time);
      if (next.role === 'replica' && !there) this.#overwrite(key, next, nowMs);
      return 'superseded';
    }
    if (before && before.time === next.time) {
      if (next.role === 'replica') before.role = 'replica';
      return 'already';
    }
    if (before) this.#overwrite(key, before, nowMs);
    this.current.set(key, next);
    return 'committed';
  }

  #overwrite(key: string, { time, size }: Known, atMs: number): void {
    this.overwritten = this.overwritten.filter((one) => one.key !== key || one.time !== time);
    this.overwritten.push({ key, time, size, atMs });
  }
}

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const role = fc.constantFrom<Role>('replica', 'cached', 'cached');
// A version has one content everywhere: what is even is a value, what is odd a tombstone.
const valueTime = fc.nat(30).map((time) => 2 * time);
const tombstoneTime = fc.nat(30).map((time) => 2 * time + 1);
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('put' as const), key, role, time: valueTime }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), key, role, time: tombstoneTime }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('role' as const), key, role }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'grace' as const }) },
);

/** What a store does again and again waits for its turn: none is at work. */
const CHORES = 2;

/** The value that version `time` of `key` has: 0 to 4000 bytes. */
function valueFor(key: string, time: number): Buffer {
  const seed = key.charCodeAt(0) * 1000 + time;
  return content(seed % 7 === 0 ? 0 : (seed * 7919) % 4001, seed);
}

test('budget, eviction, versions and counts are those of a simple model', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) =>
      inFolder(async (folder) => {
        const clock = new ManualClock();
        const model = new Model();
        const open = () => ObjectStore.open({ folder, clock, maxBytes: MAX_BYTES, graceMs: GRACE_MS });
        let store = await open();
        try {
          for (const one of steps) {
            // Far apart, so that each use is written down and no reader's lease is left.
            await eventually(() => clock.timers >= CHORES);
            clock.advance(11_000);
            await expire(store, model, clock);
            if (one.kind === 'reopen') {
              await store.close();
              store = await open();
            } else if (one.kind === 'grace') {
              await eventually(() => clock.timers >= CHORES);
              clock.advance(GRACE_MS);
              await expire(store, model, clock);
            } else {
              await apply(store, model, clock, one);
            }
            await compare(store, model);
          }
        } finally {
          await store.close();
        }
      }),
    ),
    { numRuns: 40, endOnFailure: process.env.SHRINK === undefined },
  );
});

async function expire(store: ObjectStore, model: Model, clock: ManualClock): Promise<void> {
  model.overwritten = model.overwritten.filter((one) => clock.now() - one.atMs < GRACE_MS);
  await eventually(() => store.stats().otherBytes === model.otherBytes);
}

type Step = Exclude<typeof step extends fc.Arbitrary<infer T> ? T : never, { kind: 'reopen' } | { kind: 'grace' }>;

async function apply(store: ObjectStore, model: Model, clock: ManualClock, one: Step): Promise<void> {
  const id = resourceId(one.key);
  const before = model.current.get(one.key);
  if (one.kind === 'put') {
    const value = valueFor(one.key, one.time);
    const size = value.length;
    const blocks = Array.from({ length: Math.ceil(size / BLOCK) }, (_, i) => Math.min(BLOCK, size - i * BLOCK));
    let reserved = 0;
    let missing = 0;
    const fits = blocks.every((bytes) => {
      reserved += bytes;
      const room = model.hasRoom(reserved);
      if (room) missing = model.usedBytes + reserved - MAX_BYTES;
      return room;
    });
    const writer = store.begin();
    const written = await writeBlocks(writer, value).catch((error) => {
      assert.ok(isMurkyError(error, 'MURKY_STORE_FULL'), String(error));
      return false;
    });
    // It is the blocks that need room, so what is evicted has gone before the commit.
    await evict(store, model, missing);
    const answer = written
      ? await writer.commit(manifestOf(one.key, value, version(one.time), BLOCK), one.role)
      : await writer.abort().then(() => 'full');
    const next = { time: one.time, role: one.role, tombstone: false, size };
    assert.is(answer, fits ? model.place(one.key, next, clock.now()) : 'full');
  } else if (one.kind === 'delete') {
    const next = { time: one.time, role: one.role, tombstone: true, size: 0 };
    const expected = model.place(one.key, next, clock.now());
    assert.is(await store.begin().commit(tombstone(one.key, version(one.time)), one.role), expected);
  } else if (one.kind === 'read') {
    const value = await read(store, one.key);
    if (before && !before.tombstone) {
      assert.equal(value, valueFor(one.key, before.time));
      // The use is noted behind the reader's back.
      for (let i = 0; i < 3; i++) await store.facts.get('');
    } else {
      assert.is(value, undefined);
    }
  } else if (one.kind === 'drop') {
    await store.dropCached(id);
    if (before?.role === 'cached') model.current.delete(one.key);
  } else {
    await store.setRole(id, version(before?.time ?? 0), one.role);
    if (before) before.role = one.role;
  }
}

async function writeBlocks(writer: BlockWriter, value: Buffer): Promise<boolean> {
  for (let i = 0; i * BLOCK < value.length; i++) await writer.write(i, value.subarray(i * BLOCK, (i + 1) * BLOCK));
  return true;
}

/** Which copies the store has evicted is its own choice; that it had to, and no more than it had to, is not. */
async function evict(store: ObjectStore, model: Model, missing: number): Promise<void> {
  const gone: Known[] = [];
  for (const [key, one] of model.current) {
    if (await store.current(resourceId(key))) continue;
    assert.ok(one.role === 'cached' && !one.tombstone, `${key} ${one.time} is a ${one.role} and is gone`);
    gone.push(one);
    model.current.delete(key);
  }
  if (gone.length === 0) return;
  const freed = gone.reduce((sum, { size }) => sum + size, 0);
  assert.ok(
    freed - Math.max(...gone.map(({ size }) => size)) < missing,
    `${freed} bytes went, ${missing} were missing`,
  );
}

async function compare(store: ObjectStore, model: Model): Promise<void> {
  const known = [...model.current.values()];
  assert.equal(store.stats(), {
    objects: known.filter((one) => !one.tombstone).length,
    tombstones: known.filter((one) => one.tombstone).length,
    replicaBytes: model.sum('replica'),
    cachedBytes: model.sum('cached'),
    otherBytes: model.otherBytes,
    maxBytes: MAX_BYTES,
  });
  const all = (await collect(store.all())).map(({ manifest, role }) => [
    manifest.key,
    Number(manifest.version.time),
    role,
  ]);
  const expected = [...model.current].map(([key, one]) => [key, one.time, one.role]);
  assert.equal(all.sort(), expected.sort());
  for (const one of model.overwritten) {
    const manifest = await store.manifest(resourceId(one.key), version(one.time));
    assert.is(manifest?.size, one.size, `${one.key} ${one.time} is in its grace time`);
  }
}

test.run();
