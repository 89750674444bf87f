import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { placeOn, quorumOf, type Weighted } from '../../src/cluster/placement.js';
import { seededRandom } from '../simulation/virtual-clock.js';

const RESOURCES = 3000;

function nodes(count: number, weight = 1): Weighted[] {
  const random = seededRandom(count);
  return Array.from({ length: count }, () => ({ id: random.bits64(), weight }));
}

function owners(resource: number, members: readonly Weighted[], replicas: number): bigint[] {
  return placeOn(BigInt(resource), members, replicas).map(({ id }) => id);
}

test('the order in which members are known does not matter', () => {
  const members = fc.uniqueArray(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), members, fc.infiniteStream(fc.nat()), (id, ids, order) => {
      const list = ids.map((node, i) => ({ id: node, weight: 1 + (i % 3) }));
      const shuffled = list
        .map((member) => ({ member, at: order.next().value }))
        .sort((a, b) => a.at - b.at)
        .map(({ member }) => member);
      assert.equal(placeOn(id, list, 3), placeOn(id, shuffled, 3));
    }),
  );
});

test('owners are as many as asked for, or all, and different nodes', () => {
  for (const count of [1, 2, 3, 7]) {
    const placed = owners(5, nodes(count), 3);
    assert.is(placed.length, Math.min(3, count));
    assert.is(new Set(placed).size, placed.length);
  }
});

test('every node owns its share', () => {
  const members = nodes(5);
  const owned = new Map<bigint, number>();
  for (let resource = 0; resource < RESOURCES; resource++) {
    for (const id of owners(resource, members, 3)) owned.set(id, (owned.get(id) ?? 0) + 1);
  }
  // 1800 expected, standard deviation 27: six of them on either side.
  for (const { id } of members) assert.ok(Math.abs((owned.get(id) ?? 0) - 1800) < 165, `${owned.get(id)}`);
});

test('a node of double weight is first for double as many', () => {
  const members = nodes(4).map((member, i) => ({ ...member, weight: i === 0 ? 2 : 1 }));
  let first = 0;
  for (let resource = 0; resource < RESOURCES; resource++) {
    if (owners(resource, members, 1)[0] === members[0]!.id) first += 1;
  }
  assert.ok(Math.abs(first / RESOURCES - 2 / 5) < 0.06, `${first}`);
});

test('one more node takes its share, and nothing moves between the others', () => {
  const before = nodes(5);
  const after = [...before, { id: 12345n, weight: 1 }];
  let moved = 0;
  for (let resource = 0; resource < RESOURCES; resource++) {
    const old = owners(resource, before, 3);
    const now = owners(resource, after, 3);
    const gained = now.filter((id) => !old.includes(id));
    moved += gained.length;
    assert.ok(gained.every((id) => id === 12345n));
  }
  // Of 3 × 3000 copies 1/6 belong on the new node; standard deviation 39.
  assert.ok(Math.abs(moved - 1500) < 240, `${moved}`);
});

test('a node that leaves moves nothing but what it had', () => {
  const before = nodes(6);
  const gone = before[2]!.id;
  const after = before.filter(({ id }) => id !== gone);
  for (let resource = 0; resource < 500; resource++) {
    const kept = owners(resource, before, 3).filter((id) => id !== gone);
    assert.equal(owners(resource, after, 3).slice(0, kept.length), kept);
  }
});

test('weight 0 owns nothing', () => {
  const members = nodes(4).map((member, i) => ({ ...member, weight: i === 1 ? 0 : 1 }));
  for (let resource = 0; resource < 500; resource++) {
    assert.not.ok(owners(resource, members, 4).includes(members[1]!.id));
  }
  assert.equal(placeOn(1n, nodes(3, 0), 3), []);
});

test('a majority is more than half, and a number stays what it is', () => {
  assert.equal(
    [1, 2, 3, 4, 5].map((count) => quorumOf(count, 'majority')),
    [1, 2, 2, 3, 3],
  );
  assert.is(quorumOf(3, 1), 1);
  assert.is(quorumOf(1, 2), 2);
});

test('whoever joins or goes, with weights and zones: nothing moves between the others, and zones share evenly', () => {
  const node = fc.record({ weight: fc.constantFrom(0.5, 1, 2), zone: fc.constantFrom('', 'a', 'b', 'c') });
  const members = fc.array(node, { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(members, fc.integer({ min: 1, max: 5 }), fc.nat(2 ** 31), (described, replicas, seed) => {
      const random = seededRandom(seed);
      const all = described.map((one) => ({ ...one, id: random.bits64() }));
      const joining = all.at(-1)!;
      const before = all.slice(0, -1);
      for (let resource = 0; resource < 40; resource++) {
        const old = owners(resource, before, replicas);
        const now = owners(resource, all, replicas);
        assert.is(now.length, Math.min(replicas, all.length));
        assert.ok(now.every((id) => id === joining.id || old.includes(id)));
        assert.ok(old.filter((id) => !now.includes(id)).length <= 1);
        const zones = new Set(all.map(({ zone }) => zone)).size;
        const used = new Set(now.map((id) => all.find((one) => one.id === id)!.zone)).size;
        assert.is(used, Math.min(zones, now.length));
      }
    }),
  );
});

/** Objects of 1 byte to 64 MiB, as likely of one size as of double that. */
function sizes(count: number): number[] {
  const random = seededRandom(25);
  return Array.from({ length: count }, () => Math.floor(2 ** (26 * random.unit())));
}

for (const count of [2, 3, 9, 30, 100]) {
  test(`a node that joins ${count} of equal weight takes at most 1.05/${count + 1} of the copies and of the bytes`, () => {
    const before = nodes(count);
    const after = [...before, { id: 12345n, weight: 1 }];
    let [copies, bytes, all] = [0, 0, 0];
    const of = sizes(25_000);
    for (const [resource, size] of of.entries()) {
      const placed = owners(resource, after, 3);
      all += size * placed.length;
      if (!placed.includes(12345n)) continue;
      copies += 1;
      bytes += size;
    }
    assert.ok(copies <= (1.05 * 3 * of.length) / (count + 1), `${copies}`);
    assert.ok(bytes <= (1.05 * all) / (count + 1), `${bytes} of ${all}`);
  });
}

test.run();
