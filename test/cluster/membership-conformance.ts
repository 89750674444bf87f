import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Membership, MembershipEvent } from '../../src/cluster/membership.js';

/** One node's membership, as a registry's test bed starts it. */
export interface Registered {
  readonly id: bigint;
  readonly membership: Membership;
}

export interface Choice {
  readonly weight?: number;
  readonly zone?: string;
  readonly standby?: boolean;
  /** Another address than the one that this node had before. */
  readonly moved?: boolean;
}

/** Where the memberships of one registry run. Nodes are 1, 2, ...; what a node keeps outlives its runs. */
export interface Bed {
  /** Node 1 is the first contact of the others. */
  start(n: number, choice?: Choice): Promise<Registered>;
  /** Ends a node without a word. */
  kill(n: number): Promise<void>;
  /** Lets time pass until `so` holds; fails after some time. */
  until(so: () => boolean, what: string): Promise<void>;
  /** Lets `work` come to its end. */
  done<T>(work: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const alive = ({ membership }: Registered) =>
  membership
    .members()
    .filter(({ state }) => state === 'alive')
    .map(({ id }) => id)
    .sort();

const knowsAll = (nodes: readonly Registered[]) =>
  nodes.every((node) => {
    const others = nodes.filter((other) => other !== node).map(({ id }) => id);
    return String(alive(node)) === String(others.sort());
  });

/** What every registry has to keep. `ordered`: its views have a revision. */
export function membershipConformance(name: string, makeBed: () => Promise<Bed>, ordered: boolean): void {
  const test = suite(`membership by ${name}`);
  let bed: Bed;
  let nodes: Registered[];
  const events = new Map<Registered, MembershipEvent[]>();

  const watch = (node: Registered) => {
    events.set(node, []);
    node.membership.on((event) => events.get(node)!.push(event));
    return node;
  };
  const heard = (node: Registered, kind: MembershipEvent['kind'], id: bigint) =>
    events.get(node)!.filter((event) => event.kind === kind && event.member.id === id);

  test.before.each(async () => {
    bed = await makeBed();
    nodes = [
      watch(await bed.start(1)),
      watch(await bed.start(2, { zone: 'a' })),
      watch(await bed.start(3, { weight: 2, standby: true })),
    ];
    await bed.until(() => knowsAll(nodes), 'all know all');
  });
  test.after.each(() => bed.close());

  test('nodes know each other, and what each says of itself', () => {
    const [one, two, three] = nodes as [Registered, Registered, Registered];
    const of = (id: bigint) => one.membership.members().find((member) => member.id === id);
    assert.is(of(two.id)?.zone, 'a');
    assert.is(of(three.id)?.weight, 2);
    assert.equal([of(two.id)?.standby, of(three.id)?.standby], [false, true]);
    assert.is(of(two.id)?.awaySinceMs, undefined);
    for (const node of nodes)
      assert.not(
        node.membership.members().some(({ id }) => id === node.id),
        'not itself',
      );
    const [answered] = heard(one, 'alive', two.id);
    assert.ok(answered?.kind === 'alive' && answered.first);
    assert.equal(
      nodes.flatMap(({ membership }) => [...membership.conflicts(), ...membership.warnings()]),
      [],
    );
  });

  test('a node that ends without a word is away, stays a member, and comes back as itself', async () => {
    const [one, two, three] = nodes as [Registered, Registered, Registered];
    const revision = one.membership.revision();
    await bed.kill(3);
    await bed.until(() => [one, two].every((node) => alive(node).length === 1), 'it is away');
    for (const node of [one, two]) {
      const member = node.membership.members().find(({ id }) => id === three.id);
      assert.is(member?.state, 'away');
      assert.type(member?.awaySinceMs, 'number');
      assert.ok(heard(node, 'away', three.id).length > 0);
    }
    assert.is(one.membership.revision(), revision, 'who the members are has not changed');
    const again = await bed.start(3, { weight: 2, standby: true });
    assert.is(again.id, three.id);
    await bed.until(() => knowsAll([one, two, again]), 'it is back');
    const [first, ...later] = heard(one, 'alive', three.id);
    assert.ok(first?.kind === 'alive' && first.first && later.length > 0);
    assert.ok(later.every((event) => event.kind === 'alive' && !event.first));
    assert.is(one.membership.revision(), revision);
  });

  test('a node knows the members of its last run before it has heard of anyone', async () => {
    const three = nodes[2]!;
    for (const n of [1, 2, 3]) await bed.kill(n);
    const again = await bed.start(3);
    assert.is(again.membership.members().length, 2);
    assert.not(again.membership.members().some(({ id }) => id === three.id));
  });

  test('a node that comes back otherwise, and elsewhere, is followed', async () => {
    const [one, two, three] = nodes as [Registered, Registered, Registered];
    const addressOf = (node: Registered) => node.membership.members().find(({ id }) => id === three.id)?.address;
    const before = addressOf(one);
    await bed.kill(3);
    await bed.start(3, { weight: 5, zone: 'b', moved: true });
    const followed = (node: Registered) => {
      const member = node.membership.members().find(({ id }) => id === three.id);
      return member?.weight === 5 && member.zone === 'b' && !member.standby && member.state === 'alive';
    };
    await bed.until(() => [one, two].every(followed), 'its change is known');
    assert.is.not(JSON.stringify(addressOf(one)), JSON.stringify(before));
    assert.equal(addressOf(one), addressOf(two));
  });

  test('a node that is to count for less is heard of while it runs', async () => {
    const [one, two, three] = nodes as [Registered, Registered, Registered];
    three.membership.reweigh(0);
    const weightAt = ({ membership }: Registered) => membership.members().find(({ id }) => id === three.id)?.weight;
    await bed.until(() => [one, two].every((node) => weightAt(node) === 0), 'its weight is known');
    assert.ok([one, two].every((node) => heard(node, 'changed', three.id).length > 0));
  });

  test('a node that leaves is no member any more, and is one again when it comes back', async () => {
    const [one, two, three] = nodes as [Registered, Registered, Registered];
    const revision = one.membership.revision() ?? 0;
    await bed.done(three.membership.leave());
    await bed.until(() => [one, two].every(({ membership }) => membership.members().length === 1), 'it has left');
    await bed.kill(3);
    for (const node of [one, two]) {
      assert.is(heard(node, 'left', three.id).length, 1);
      assert.is(heard(node, 'away', three.id).length, 0);
      assert.is(node.membership.peers().find(({ id }) => id === three.id)?.state, 'left');
    }
    if (ordered) assert.ok(one.membership.revision()! > revision);
    const again = await bed.start(3);
    await bed.until(() => knowsAll([one, two, again]), 'it is a member again');
  });

  test('a view has a revision where the registry has one, the same at all', async () => {
    if (!ordered) {
      for (const { membership } of nodes) assert.is(membership.revision(), undefined);
      return;
    }
    const revisions = () => new Set(nodes.map(({ membership }) => membership.revision()));
    await bed.until(() => revisions().size === 1, 'they agree on the revision');
    const before = nodes[0]!.membership.revision()!;
    nodes.push(await bed.start(4));
    await bed.until(() => knowsAll(nodes) && revisions().size === 1, 'they agree again');
    assert.ok(nodes[0]!.membership.revision()! > before);
  });

  test('closing twice does no harm, and nothing is told after it', async () => {
    const [one, , three] = nodes as [Registered, Registered, Registered];
    await bed.done(one.membership.close());
    const told = events.get(one)!.length;
    await bed.done(three.membership.leave());
    await bed.until(() => nodes[1]!.membership.members().length === 1, 'it has left');
    assert.is(events.get(one)!.length, told);
    await bed.done(one.membership.close());
  });

  test.run();
}
