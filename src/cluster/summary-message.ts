import { MAX_MESSAGE_BYTES } from './message-size.js';
import { OctetReader, u8 } from './octets.js';

/** What a node says of how it is: facts by name, flat. Names that a reader does not know mean nothing to it. */
export type Summary = Readonly<Record<string, string | number | boolean | null>>;

const FORMAT = 1;
const MAX_FACTS = 40;
const NAME = /^[a-z][A-Za-z]{0,31}$/;
const MAX_TEXT = 64;

/** How are you? Format (1). */
export function encodeStatusRequest(): Buffer {
  return u8(FORMAT);
}

export function decodeStatusRequest(bytes: Uint8Array): void {
  const reader = new OctetReader(bytes, 'A STATUS');
  if (reader.u8() !== FORMAT) throw reader.fail('its format is not known');
  reader.end();
}

/** Format (1), a JSON object in UTF-8. Facts that do not fit a datagram are left out, the last ones first. */
export function encodeSummary(summary: Summary): Buffer {
  const facts = Object.entries(summary).slice(0, MAX_FACTS);
  for (;;) {
    const json = Buffer.from(JSON.stringify(Object.fromEntries(facts)), 'utf8');
    if (json.length < MAX_MESSAGE_BYTES) return Buffer.concat([u8(FORMAT), json]);
    facts.pop();
  }
}

/** MURKY_BAD_MESSAGE for what is no flat object of short facts. */
export function decodeSummary(bytes: Uint8Array): Summary {
  const reader = new OctetReader(bytes, 'An answer to STATUS');
  if (reader.u8() !== FORMAT) throw reader.fail('its format is not known');
  let summary: unknown;
  try {
    summary = JSON.parse(reader.take(reader.left).toString('utf8'));
  } catch {
    throw reader.fail('it is no JSON');
  }
  if (typeof summary !== 'object' || summary === null || Array.isArray(summary)) throw reader.fail('it is no object');
  const facts = Object.entries(summary);
  if (facts.length > MAX_FACTS || !facts.every(([name, fact]) => NAME.test(name) && isFact(fact))) {
    throw reader.fail('it has facts that are none');
  }
  return Object.fromEntries(facts) as Summary;
}

function isFact(fact: unknown): boolean {
  if (typeof fact === 'string') return fact.length <= MAX_TEXT;
  return fact === null || typeof fact === 'boolean' || (typeof fact === 'number' && Number.isFinite(fact));
}
