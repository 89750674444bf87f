import { createHash } from 'node:crypto';
import { MurkyError } from '../errors.js';
import type { FactStore } from '../store/contract.js';
import { keyFingerprint } from './cluster-key.js';

const FACT = 'node/cluster-keys';
const MARK_BYTES = 16;

/**
 * Refuses a data folder whose node last had none of these cluster keys: it is of another cluster, whose objects would
 * else be handed to this one. MURKY_DATA_DIR_UNUSABLE.
 */
export async function checkClusterMarks(facts: FactStore, keys: readonly Uint8Array[], folder: string): Promise<void> {
  const kept = await facts.get(FACT);
  if (kept !== undefined && kept.length > 0) {
    const known = new Set(split(kept));
    if (!keys.some((key) => known.has(mark(key)))) {
      throw new MurkyError(
        'MURKY_DATA_DIR_UNUSABLE',
        `The data folder ${folder} belongs to a cluster with another key than ${keys.map(keyFingerprint).join(', ')}.`,
        {
          hint: 'Give the node the key file of that cluster, or a data folder of its own. If the key was changed while the node was down, start it once with the old key in a second line.',
        },
      );
    }
  }
  await keepClusterMarks(facts, keys);
}

/** To be called before the keys are replaced while the node runs. */
export async function keepClusterMarks(facts: FactStore, keys: readonly Uint8Array[]): Promise<void> {
  await facts.put(FACT, Buffer.from(keys.map(mark).join(''), 'hex'));
}

/** Says nothing of the key to who reads the disk. */
function mark(key: Uint8Array): string {
  const hash = createHash('sha256').update('murky-waters data folder\0').update(key).digest('hex');
  return hash.slice(0, 2 * MARK_BYTES);
}

function split(marks: Uint8Array): string[] {
  const digits = Buffer.from(marks).toString('hex');
  return digits.match(new RegExp(`.{${2 * MARK_BYTES}}`, 'g')) ?? [];
}
