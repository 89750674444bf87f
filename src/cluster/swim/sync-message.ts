import { decodeRecord, encodeRecord, type MemberRecord } from '../member-record.js';
import { MAX_MESSAGE_BYTES } from '../message-size.js';
import { OctetReader, u8, u64 } from '../octets.js';

const FORMAT = 1;
const MAX_RECORDS = 255;

/** One page of all members that a node knows, in the order of their ids. */
export interface MembersPage {
  readonly records: readonly MemberRecord[];
  /** There are members behind the last of these. */
  readonly more: boolean;
}

/** Which members do you know? Format (1), id behind which the page begins (8). */
export function encodeSync(after: bigint): Buffer {
  return Buffer.concat([u8(FORMAT), u64(after)]);
}

export function decodeSync(bytes: Uint8Array): bigint {
  const reader = new OctetReader(bytes, 'A SYNC');
  if (reader.u8() !== FORMAT) throw reader.fail('its format is not known');
  const after = reader.u64();
  reader.end();
  return after;
}

/** Format (1), 1 if there are more (1), number of records (1), the records: as many as fit. */
export function encodePage(records: Iterable<MemberRecord>): Buffer {
  let room = MAX_MESSAGE_BYTES - 3;
  let more = 0;
  const fitting: Buffer[] = [];
  for (const record of records) {
    const encoded = encodeRecord(record);
    room -= encoded.length;
    if (room < 0 || fitting.length === MAX_RECORDS) {
      more = 1;
      break;
    }
    fitting.push(encoded);
  }
  return Buffer.concat([u8(FORMAT), u8(more), u8(fitting.length), ...fitting]);
}

export function decodePage(bytes: Uint8Array): MembersPage {
  const reader = new OctetReader(bytes, 'An answer to SYNC');
  if (reader.u8() !== FORMAT) throw reader.fail('its format is not known');
  const more = reader.u8();
  if (more > 1) throw reader.fail('it neither ends nor goes on');
  const count = reader.u8();
  const records: MemberRecord[] = [];
  for (let i = 0; i < count; i++) records.push(decodeRecord(reader));
  reader.end();
  return { records, more: more === 1 };
}
