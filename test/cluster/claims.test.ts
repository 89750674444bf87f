import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Claims } from '../../src/cluster/claims.js';
import { MurkyError } from '../../src/errors.js';
import type { RainNetwork } from '../../src/rain/contract.js';
import { VirtualTime } from '../simulation/virtual-clock.js';

test('a claim that could not be given up is given up later, and not after the end', async () => {
  const time = new VirtualTime();
  let asked = 0;
  const register = {
    read: async () => null,
    compareAndSet: async () => {
      asked += 1;
      if (asked > 1) throw new MurkyError('MURKY_NO_REGISTRY', 'The register does not answer.');
      return { set: true } as const;
    },
  };
  const rain = { onRequest: () => {} } as unknown as RainNetwork;
  const claims = new Claims(register, 1n, { rain, clock: time.clock(), addressOf: () => undefined });
  const version = { time: 7n, node: 1n };
  assert.ok(await claims.claim(5n, { claimed: null, void: false }, version));
  claims.end(5n, version, false);
  await time.run(12_000);
  assert.is(asked, 4, 'at once, and after 5 and 10 seconds');
  claims.close();
  await time.run(60_000);
  assert.is(asked, 4);
});

test.run();
