import { MurkyError } from '../../errors.js';
import { type Contact, contactText, parseContact } from '../contact.js';
import { MAX_WEIGHT } from '../member-record.js';
import type { Settings } from '../settings.js';
import { MAX_ZONE_BYTES } from '../zone.js';

/** What a node has in etcd under its id: who it is, whether it runs or not. */
export interface NodeEntry {
  readonly contact: Contact;
  readonly weight: number;
  readonly zone: string;
  readonly standby: boolean;
  /** Gone for good. */
  readonly left: boolean;
  readonly settings: Settings;
}

/** One form only, so that a node that comes back as it was changes nothing. */
export function encodeEntry(entry: NodeEntry): string {
  const { contact, weight, zone, standby, left, settings } = entry;
  const { replicas, writeQuorum, graceSeconds } = settings;
  return JSON.stringify({
    contact: contactText(contact),
    weight,
    zone,
    standby,
    left,
    settings: { replicas, writeQuorum, graceSeconds },
  });
}

/** Undefined for what {@link encodeEntry} would not have written: another program's, or a later version's. */
export function decodeEntry(text: string): NodeEntry | undefined {
  try {
    const { contact, weight, zone, standby, left, settings } = JSON.parse(text) as Record<string, unknown>;
    const { replicas, writeQuorum, graceSeconds } = settings as Record<string, unknown>;
    const sound =
      typeof contact === 'string' &&
      typeof weight === 'number' &&
      weight >= 0 &&
      weight <= MAX_WEIGHT &&
      typeof zone === 'string' &&
      Buffer.byteLength(zone) <= MAX_ZONE_BYTES &&
      typeof standby === 'boolean' &&
      typeof left === 'boolean' &&
      isWhole(replicas) &&
      (isWhole(writeQuorum) || writeQuorum === 'majority') &&
      isWhole(graceSeconds);
    if (!sound) return undefined;
    return {
      contact: parseContact(contact),
      weight,
      zone,
      standby,
      left,
      settings: { replicas, writeQuorum, graceSeconds },
    };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError || error instanceof MurkyError) return undefined;
    throw error;
  }
}

/** JSON has numbers beyond all that can be written again: 1e999 is read as infinity. */
function isWhole(value: unknown): value is number {
  return Number.isInteger(value);
}
