import { createCipheriv } from 'node:crypto';
import { addon, type LoopEvent, type NativeLoop, type PollutedServer } from '../../../src/native/addon.js';
import { resourceId } from '../../../src/object/key.js';
import { type Manifest, sha256 } from '../../../src/object/manifest.js';
import { RainEndpoint } from '../../../src/rain/endpoint.js';
import { seededRandom } from '../../simulation/virtual-clock.js';
import { held } from '../held.js';
import { ManualClock, settle } from '../scripted-loop.js';

const OBJECT_BYTES = 2 * 2 ** 20;
const BLOCK_BYTES = 2 ** 16;
/** Longest stretch of virtual time between two looks at the timers of the logic. */
const STEP_MS = 20;
const LIMIT_MS = 600_000;

export interface PollutedResult {
  /** Every byte is right. */
  readonly right: boolean;
  /** Blocks that a wrong symbol was in. Without one there is nothing to be found. */
  readonly spoiltBlocks: number;
  readonly named: boolean;
  /** Servers that were named but sent nothing wrong. */
  readonly blamed: number;
  readonly wrongShare: number;
  readonly wrongSent: number;
  readonly virtualMs: number;
}

/**
 * One fetch from `servers` servers, one of which sends a share of wrong symbols, in virtual time: the engine on the
 * simulated network, the fetch, its trials and the quarantine as they are. Everything follows from the seed.
 */
export async function pollutedRun(servers: number, seed: number): Promise<PollutedResult> {
  const random = seededRandom(seed * 64 + servers);
  const between = (low: number, high: number) => low + random.unit() * (high - low);
  const polluter = Math.floor(random.unit() * servers);
  // As often 1 to 10 % as 10 to 100 %.
  const wrongShare = 10 ** between(-2, 0);
  const shapes: PollutedServer[] = Array.from({ length: servers }, (_, index) => ({
    rateBitsPerSecond: between(5e6, 100e6),
    delayMs: between(1, 60),
    jitterMs: between(0, 5),
    loss: random.unit() < 0.5 ? 0 : between(0, 0.05),
    wrongShare: index === polluter ? wrongShare : 0,
    pollution: (['noise', 'flip', 'steady'] as const)[Math.floor(random.unit() * 3)]!,
    // One in four stops after a few, so as to be honest when it is asked alone.
    ...(random.unit() < 0.25 && { mostWrong: 1 + Math.floor(random.unit() * 5) }),
  }));
  const content = noise(OBJECT_BYTES - 1000, seed);
  const network = new (addon().PollutedNetwork)({ seed, content, blockBytes: BLOCK_BYTES, servers: shapes });
  const addresses = network.servers();
  const clock = new ManualClock();
  let spoiltBlocks = 0;
  const log = {
    debug(_: object, sentence: string) {
      if (sentence === 'A block has wrong bytes.') spoiltBlocks++;
    },
    info() {},
    warn() {},
    error() {},
  };
  let tell: (events: LoopEvent[]) => void = () => {};
  const endpoint = await RainEndpoint.open({ insecure: true, clock, log }, (_, onEvents) => {
    tell = onEvents;
    return simulatedLoop(network);
  });
  const fetch = endpoint.fetch(manifestOf(content), addresses);
  let right = true;
  let ended = false;
  const read = async () => {
    let at = 0;
    for await (const { bytes } of fetch) {
      right &&= content.subarray(at, at + bytes.length).equals(bytes);
      at += bytes.length;
    }
    right &&= at === content.length;
  };
  const reading = read()
    .catch(() => {
      right = false;
    })
    .finally(() => {
      ended = true;
    });
  await settle();
  while (!ended && clock.monotonic() < LIMIT_MS) {
    const events = network.run(clock.monotonic() + STEP_MS).map(hashedHere);
    clock.advance(Math.max(0, network.now() - clock.monotonic()));
    if (events.length > 0) tell(events);
    await settle();
  }
  const { culprits } = fetch.report();
  await endpoint.close();
  await reading;
  const names = addresses.map(({ host, port }) => `${host}:${port}`);
  return {
    right: right && ended,
    spoiltBlocks,
    named: culprits.includes(names[polluter]!),
    blamed: culprits.filter((culprit) => culprit !== names[polluter]).length,
    wrongShare,
    wrongSent: network.wrongSent(polluter),
    virtualMs: network.now(),
  };
}

function noise(bytes: number, seed: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, `key ${seed}`), Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

function manifestOf(content: Buffer): Manifest {
  const count = Math.ceil(content.length / BLOCK_BYTES);
  const block = (index: number) => content.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES);
  return {
    key: 'polluted',
    id: resourceId('polluted'),
    version: { time: 1n, node: 1n },
    tombstone: false,
    size: content.length,
    blockBytes: BLOCK_BYTES,
    blockHashes: Array.from({ length: count }, (_, index) => Uint8Array.from(sha256(block(index)))),
    sha256: Uint8Array.from(sha256(content)),
    metadata: {},
  };
}

/** In virtual time no thread may decide when a hash is known. */
function hashedHere(event: LoopEvent): LoopEvent {
  return event.type === 'blockDecoded' ? { ...event, bytes: held(event.bytes.take()) } : event;
}

/** The loop of the endpoint: what fetches need is the simulation's, the rest is not used here. */
function simulatedLoop(network: InstanceType<ReturnType<typeof addon>['PollutedNetwork']>): NativeLoop {
  return {
    address: () => ({ host: '10.0.0.1', port: 1980 }),
    openFetch: (spec) => network.openFetch(spec),
    want: (...args) => network.want(...args),
    addServer: (...args) => network.addServer(...args),
    removeServer: (...args) => network.removeServer(...args),
    fetchReport: (fetch) => network.fetchReport(fetch),
    wrongSymbols: (...args) => network.wrongSymbols(...args),
    closeFetch: (fetch) => network.closeFetch(fetch),
    provideBlock() {},
    provideFromFile: async () => false,
    refuseBlock() {},
    forgetResource() {},
    request: () => false,
    cancelRequest() {},
    respond() {},
    replaceKeys() {},
    setDropFraction() {},
    pathMtu: () => 0,
    counters: () => ({}),
    close() {},
  };
}
