import type { OctetReader } from './octets.js';

export const MAX_ZONE_BYTES = 32;

/** A zone in a message, as {@link OctetWriter.text} writes it. */
export function decodeZone(reader: OctetReader): string {
  const bytes = reader.take(reader.u8());
  const zone = bytes.toString('utf8');
  if (bytes.length > MAX_ZONE_BYTES || !Buffer.from(zone, 'utf8').equals(bytes)) {
    throw reader.fail('a zone is too long, or not UTF-8');
  }
  return zone;
}
