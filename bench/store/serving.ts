/** CPU of a node for each MiB that it serves, by the steps on the way from a segment to the first symbol. */
import { crc32 } from 'node:zlib';
import { Encoder } from '../../src/codec/encoder.js';
import { addon } from '../../src/native/addon.js';
import { sha256InPool } from '../../src/native/pool-digest.js';
import { resourceId } from '../../src/object/key.js';
import { versionToBytes } from '../../src/object/version.js';
import type { FilePlace } from '../../src/seam/file-place.js';
import { ObjectStore } from '../../src/store/object-store.js';
import { GIB, inFolder, MIB, median, putObject, Values } from './workload.js';

export interface ServingRow {
  readonly step: string;
  /** Of all threads of the process, in milliseconds for each MiB. */
  readonly cpuMs: number;
  /** Of it the time that the JavaScript thread is kept from other work. */
  readonly threadMs: number;
}

const BLOCKS = 64;
const ROUNDS = 9;
const SYMBOL_BYTES = 1344;

export async function measureServing(): Promise<ServingRow[]> {
  return await inFolder(async (folder) => {
    const store = await ObjectStore.open({ folder, maxBytes: GIB, sha256: sha256InPool });
    await new Values(BLOCKS * MIB).use(1, (value) => putObject(store, 'served', value, 1));
    const { id, version } = (await store.current(resourceId('served')))!;
    const wireVersion = versionToBytes(version);
    // Nobody asks it for the blocks, so that it drops them.
    const loop = new (addon().Loop)({ host: '127.0.0.1', port: 0, loopbackOnly: true }, () => {});
    const blocks: Uint8Array[] = [];
    for (let i = 0; i < BLOCKS; i++) blocks.push((await store.block(id, version, i))!);
    const steps: Record<string, (i: number) => unknown> = {
      'reading a block: file, header, SHA-256 against the manifest': (i) => store.block(id, version, i),
      'of it the SHA-256': (i) => sha256InPool(blocks[i]!),
      'reading it in place, as it is served: file, SHA-256': async (i) => {
        const readFrom = (place: FilePlace) => loop.provideFromFile(id, wireVersion, i, place);
        if (!(await store.readInPlace(id, version, i, readFrom))) throw new Error(`Block ${i} was not read in place.`);
      },
      'one copy of a block, as of one that JavaScript hands over': (i) => Buffer.from(blocks[i]!),
      "the encoder's set-up": (i) => new Encoder(blocks[i]!, SYMBOL_BYTES).close(),
      'for comparison: a CRC-32': (i) => crc32(blocks[i]!),
    };
    const cpu = new Map<string, number[]>();
    const thread = new Map<string, number[]>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const [step, work] of Object.entries(steps)) {
        const before = process.cpuUsage();
        const loop = performance.eventLoopUtilization();
        for (let i = 0; i < BLOCKS; i++) await work(i);
        const { user, system } = process.cpuUsage(before);
        cpu.set(step, [...(cpu.get(step) ?? []), (user + system) / 1000 / BLOCKS]);
        thread.set(step, [...(thread.get(step) ?? []), performance.eventLoopUtilization(loop).active / BLOCKS]);
      }
    }
    loop.close();
    await store.close();
    return Object.keys(steps).map((step) => ({
      step,
      cpuMs: median(cpu.get(step)!),
      threadMs: median(thread.get(step)!),
    }));
  });
}
