import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Intake } from '../../src/cluster/intake.js';
import { decodeAnswer, encodePropagate } from '../../src/cluster/propagate-message.js';
import type { Pulls } from '../../src/cluster/pulls.js';
import { type ErrorCode, MurkyError } from '../../src/errors.js';
import type { Version } from '../../src/object/version.js';
import type { Address, RainNetwork } from '../../src/rain/contract.js';
import type { Log } from '../../src/seam/log.js';
import { MemoryStore } from '../simulation/memory-store.js';
import { VirtualTime } from '../simulation/virtual-clock.js';
import { manifestOf } from './sample-manifest.js';

const SELF = 2n;
const from: Address = { host: '10.0.0.1', port: 1980 };
const manifest = manifestOf('photo');

/** What an owner answers to a version that it cannot get, and what it then knows to lack. */
async function askWhereItFails(code: ErrorCode) {
  const lacking: [bigint, Version][] = [];
  let handler: (payload: Uint8Array, from: Address) => Promise<Uint8Array> = async (payload) => payload;
  const rain = {
    address: { host: '10.0.0.2', port: 1980 },
    onRequest: (_: unknown, given: typeof handler) => {
      handler = given;
    },
  } as unknown as RainNetwork;
  const done = Promise.reject(new MurkyError(code, 'It fails.'));
  done.catch(() => {});
  const pulls = { start: () => ({ done }) } as unknown as Pulls;
  new Intake(SELF, pulls, {
    rain,
    store: new MemoryStore(),
    clock: new VirtualTime().clock(),
    log: {} as Log,
    refusing: () => false,
    onLacking: async (id, version) => void lacking.push([id, version]),
    pace: async () => {},
  });
  const answer = decodeAnswer(await handler(encodePropagate(SELF, manifest, [], false), from));
  return { answer, lacking };
}

test('an owner that has no room, in the store or on the disk, knows what it lacks', async () => {
  for (const code of ['MURKY_STORE_FULL', 'MURKY_DISK_FULL'] as const) {
    const { answer, lacking } = await askWhereItFails(code);
    assert.equal(answer, { kind: 'refused', code });
    assert.equal(lacking, [[manifest.id, manifest.version]], code);
  }
});

test('one that cannot fetch now is asked again, and one that must not hold it lacks nothing', async () => {
  for (const code of ['MURKY_BUSY', 'MURKY_NO_SERVER', 'MURKY_ID_TAKEN', 'MURKY_VERSION_CONFLICT'] as const) {
    const { answer, lacking } = await askWhereItFails(code);
    assert.equal(answer, { kind: 'refused', code });
    assert.equal(lacking, [], code);
  }
});

test.run();
