import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { MemberRecord } from '../../src/cluster/member-record.js';
import { Digest } from '../../src/cluster/swim/digest.js';
import type { Roster } from '../../src/cluster/swim/roster.js';
import { decodeSync, encodePage } from '../../src/cluster/swim/sync-message.js';
import { Synchroniser } from '../../src/cluster/swim/synchroniser.js';
import { MurkyError } from '../../src/errors.js';
import type { Address, RainNetwork } from '../../src/rain/contract.js';
import { seededRandom, VirtualTime } from '../simulation/virtual-clock.js';

const PERIOD_MS = 1000;

const record = (id: bigint): MemberRecord => ({
  id,
  incarnation: 1,
  status: 'alive',
  ageMs: 0,
  weight: 1,
  zone: '',
  standby: false,
  contact: { host: '10.0.0.1', port: 1980 },
});

const at = (n: number): Address => ({ host: `10.0.1.${n}`, port: 1980 });

/** A synchroniser, the ids that it learns of, and a PING a second of another node each that knows all of `ids`. */
class Bench {
  readonly time = new VirtualTime();
  readonly known = new Set<bigint>();
  readonly asked: { readonly atMs: number; readonly host: string; readonly after: bigint }[] = [];
  /** Whether a node gives a page, after 50 ms; else nothing comes of it. */
  gives: (host: string) => boolean = () => true;
  readonly #synchroniser: Synchroniser;
  #turn = 0;

  constructor(public ids: readonly bigint[]) {
    const told = ids;
    const digest = new Digest();
    const learn = ({ id, incarnation, status }: MemberRecord) => {
      if (!this.known.has(id)) digest.add(id, { incarnation, status });
      this.known.add(id);
    };
    const clock = this.time.clock();
    const request: RainNetwork['request'] = (to, _kind, payload, options) => {
      const after = decodeSync(payload);
      this.asked.push({ atMs: this.time.now, host: to.host, after });
      return new Promise((resolve, reject) => {
        if (this.gives(to.host)) {
          const left = told.filter((id) => id > after).map(record);
          this.time.after(50, () => resolve(encodePage(left)));
        } else {
          const late = new MurkyError('MURKY_TIMEOUT', 'There was no answer in time.');
          this.time.after(options!.timeoutMs!, () => reject(late));
        }
      });
    };
    const rain = { request } as RainNetwork;
    this.#synchroniser = new Synchroniser({ digest, learn } as unknown as Roster, { rain, clock });
  }

  ping(same: boolean): void {
    this.#turn += 1;
    this.#synchroniser.onDigest(same, at(this.#turn));
  }

  async seconds(count: number): Promise<void> {
    for (let second = 0; second < count; second++) {
      this.ping(this.known.size === this.ids.length);
      await this.time.run(PERIOD_MS);
    }
  }
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => BigInt(i + 1));

test('while nodes asked for their members stay silent the next ones are asked, without growing pauses', async () => {
  const bench = new Bench(upTo(3));
  bench.gives = () => false;
  await bench.seconds(60);
  const early = bench.asked.filter(({ atMs }) => atMs < 30_000).length;
  assert.ok(early >= 5, `${early} were asked in half a minute`);
  assert.is(bench.asked.length, 2 * early);
  assert.is(new Set(bench.asked.map(({ host }) => host)).size, bench.asked.length);
  bench.gives = () => true;
  await bench.seconds(5);
  assert.is(bench.known.size, 3);
});

test('a list too long for one node over a bad link is read on from the next ones', async () => {
  const ids = upTo(600);
  const bench = new Bench(ids);
  const random = seededRandom(1);
  bench.gives = () => random.unit() < 0.7; // all of it from one: 0.7 ** 25, once in 7000 times
  await bench.seconds(60);
  assert.is(bench.known.size, ids.length);
  // No page was read twice: where one did not come, the next node was asked for just that.
  const gaps = bench.asked.slice(1).filter(({ after }, i) => after < bench.asked[i]!.after);
  assert.equal(gaps, []);
});

test('a list half read is read on at once, also where another node has agreed meanwhile', async () => {
  const bench = new Bench(upTo(100));
  bench.gives = () => bench.asked.length < 2;
  bench.ping(false);
  bench.ping(true); // as two nodes do that have just met and know of nobody else
  await bench.time.run(3000);
  assert.ok(bench.known.size > 0 && bench.known.size < 100);
  bench.gives = () => true;
  await bench.seconds(3);
  assert.is(bench.known.size, 100);
});

test('lists with nothing new are read more and more seldom', async () => {
  const bench = new Bench(upTo(3));
  await bench.seconds(2);
  assert.is(bench.known.size, 3);
  bench.ids = upTo(4); // from now on the others know of one more than they tell
  const before = bench.asked.length;
  await bench.seconds(600);
  const pauses = bench.asked.slice(before + 1).map(({ atMs }, i) => atMs - bench.asked[before + i]!.atMs);
  assert.ok(pauses.length >= 4, `${pauses}`);
  for (const [i, pause] of pauses.slice(1).entries()) assert.ok(pause > 1.5 * pauses[i]!, `${pauses}`);
});

test.run();
