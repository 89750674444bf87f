import { crc32 } from 'node:zlib';
import type { Crc32 } from '../seam/digest.js';

/** "MWBR": Murky Waters block record. */
const MAGIC = 0x4d574252;
export const HEADER_BYTES = 28;
export const MAGIC_BYTES = Buffer.from('MWBR', 'latin1');

/** Which block a record holds: the private slot of its version, and its index in the value. */
export interface BlockName {
  readonly slot: number;
  readonly index: number;
}

/** Where a block is: the segment, the byte at which its record starts, and the number of the block's own bytes. */
export interface Location {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
}

/** Bytes that a block takes in a segment. */
export const recordBytes = (length: number): number => HEADER_BYTES + length;

export const sameLocation = (a: Location, b: Location): boolean =>
  a.segment === b.segment && a.offset === b.offset && a.length === b.length;

/** The header of a record, all but its sums; docs/disk-format.md has the table of offsets. */
export function encodeHeader(name: BlockName, length: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32BE(MAGIC, 0);
  header.writeBigUInt64BE(BigInt(name.slot), 4);
  header.writeUInt32BE(name.index, 12);
  header.writeUInt32BE(length, 16);
  return header;
}

/** Puts the sums of its block and of itself into a header. */
export function sumHeader(header: Buffer, block: Uint8Array, crc32OfBlock: Crc32): void {
  header.writeUInt32BE(crc32OfBlock(block), 20);
  header.writeUInt32BE(crc32(header.subarray(0, 24)), 24);
}

/** What a header says, or undefined unless it is whole and undamaged. */
export function decodeHeader(header: Buffer): { readonly name: BlockName; readonly length: number } | undefined {
  const sound =
    header.length === HEADER_BYTES &&
    header.readUInt32BE(0) === MAGIC &&
    header.readUInt32BE(24) === crc32(header.subarray(0, 24));
  if (!sound) return undefined;
  return {
    name: { slot: Number(header.readBigUInt64BE(4)), index: header.readUInt32BE(12) },
    length: header.readUInt32BE(16),
  };
}

/**
 * The block of a record, or undefined unless that is whole and its header says that it is this block. Whether the block
 * itself is undamaged is for who has its SHA-256 to say.
 */
export function blockOf(record: Buffer, name: BlockName, length: number): Buffer | undefined {
  const header = record.length === recordBytes(length) && decodeHeader(record.subarray(0, HEADER_BYTES));
  const right =
    header && header.length === length && header.name.slot === name.slot && header.name.index === name.index;
  return right ? record.subarray(HEADER_BYTES) : undefined;
}

/** The block of a record, or undefined unless the record is whole, undamaged, and that of this block. */
export function decodeRecord(record: Buffer, name: BlockName, length: number): Buffer | undefined {
  const block = blockOf(record, name, length);
  return block && record.readUInt32BE(20) === crc32(block) ? block : undefined;
}
