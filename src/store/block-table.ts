import type { Database } from './database.js';
import type { TableChange } from './table.js';

const KEY_BYTES = 12;
const DELETES_PER_BATCH = 1024;

/** Slot (8 bytes), block index (4 bytes), big-endian: the order in which blocks are written. */
function blockKey(slot: number, index: number): Buffer {
  const key = Buffer.alloc(KEY_BYTES);
  key.writeBigUInt64BE(BigInt(slot), 0);
  key.writeUInt32BE(index, 8);
  return key;
}

const slotOf = (key: Buffer): number => Number(key.readBigUInt64BE(0));

/**
 * Where the bytes of blocks are. A block is filed under the private slot of its version, so blocks of two versions
 * never meet; whether a slot means anything is for the index to say.
 *
 * It is a LevelDB of its own: here keys only ever grow, so LevelDB has next to nothing to merge, whereas among the
 * records of the index each megabyte would be copied again and again.
 */
export class BlockTable {
  constructor(private readonly database: Database) {}

  /** Durable when it resolves. */
  async write(slot: number, index: number, bytes: Uint8Array): Promise<void> {
    await this.database.blocksQueue.write([{ type: 'put', key: blockKey(slot, index), value: bytes }], { sync: true });
  }

  async read(slot: number, index: number): Promise<Buffer | undefined> {
    return await this.database.blocks.get(blockKey(slot, index));
  }

  /** Deletes blocks 0 to `count` - 1 of a slot, durably, in batches of bounded size. */
  async delete(slot: number, count: number): Promise<void> {
    for (let from = 0; from < count; from += DELETES_PER_BATCH) {
      const changes: TableChange[] = [];
      for (let index = from; index < Math.min(count, from + DELETES_PER_BATCH); index++) {
        changes.push({ type: 'del', key: blockKey(slot, index) });
      }
      await this.database.blocksQueue.write(changes, { sync: true });
    }
  }

  /** The lowest slot from `slot` on that has a block. One seek: other blocks are not read. */
  async firstSlotFrom(slot: number): Promise<number | undefined> {
    const [key] = await this.database.blocks.keys({ gte: blockKey(slot, 0), limit: 1 });
    return key && slotOf(key);
  }

  async lastSlot(): Promise<number | undefined> {
    const [key] = await this.database.blocks.keys({ gte: blockKey(0, 0), reverse: true, limit: 1 });
    return key && slotOf(key);
  }

  /** Bytes on the disk of slots from `from` up to `to`, deleted blocks too. */
  async approximateBytes(from: number, to: number): Promise<number> {
    return await this.database.blocks.approximateBytes(blockKey(from, 0), blockKey(to, 0));
  }

  /** Gives the room of what was deleted from those slots back to the disk. */
  async compact(from: number, to: number): Promise<void> {
    await this.database.blocks.compact(blockKey(from, 0), blockKey(to, 0));
  }

  /** Deletes whatever a slot has, durably; for slots that nothing else is known of. Returns the number of blocks. */
  async clear(slot: number): Promise<number> {
    let blocks = 0;
    for (;;) {
      const range = { gte: blockKey(slot, 0), lt: blockKey(slot + 1, 0), limit: DELETES_PER_BATCH };
      const keys = await this.database.blocks.keys(range);
      if (keys.length === 0) return blocks;
      await this.database.blocksQueue.write(
        keys.map((key) => ({ type: 'del', key })),
        { sync: true },
      );
      blocks += keys.length;
    }
  }
}
