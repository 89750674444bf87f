import { type Contact, decodeContact, encodeContact } from '../contact.js';
import { OctetReader, u8, u64 } from '../octets.js';

/** Ask that node for me whether it is there: SWIM's ping-req. */
export interface Relay {
  readonly target: bigint;
  /** Where the asker reaches it, in case the asked does not know it. */
  readonly contact: Contact;
}

const FORMAT = 1;

/** Format (1), node id (8), contact. */
export function encodeRelay(relay: Relay): Buffer {
  return Buffer.concat([u8(FORMAT), u64(relay.target), encodeContact(relay.contact)]);
}

export function decodeRelay(bytes: Uint8Array): Relay {
  const reader = new OctetReader(bytes, 'A RELAY');
  if (reader.u8() !== FORMAT) throw reader.fail('its format is not known');
  const relay = { target: reader.u64(), contact: decodeContact(reader) };
  reader.end();
  return relay;
}

/** Answer: 1 it has answered, 0 it has not. */
export function encodeRelayAnswer(reached: boolean): Buffer {
  return u8(reached ? 1 : 0);
}

export function decodeRelayAnswer(bytes: Uint8Array): boolean {
  const reader = new OctetReader(bytes, 'An answer to RELAY');
  const reached = reader.u8();
  if (reached > 1) throw reader.fail('it is neither yes nor no');
  reader.end();
  return reached === 1;
}
