import { type OctetReader, u8 } from './octets.js';

export const MAX_ZONE_BYTES = 32;

/** A zone in a message: length in bytes (1), UTF-8. */
export function encodeZone(zone: string): Buffer {
  const bytes = Buffer.from(zone, 'utf8');
  return Buffer.concat([u8(bytes.length), bytes]);
}

export function decodeZone(reader: OctetReader): string {
  const bytes = reader.take(reader.u8());
  const zone = bytes.toString('utf8');
  if (bytes.length > MAX_ZONE_BYTES || !Buffer.from(zone, 'utf8').equals(bytes)) {
    throw reader.fail('a zone is too long, or not UTF-8');
  }
  return zone;
}
