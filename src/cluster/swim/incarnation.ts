import type { FactStore } from '../../store/contract.js';

const FACT = 'node/incarnation';
/** A run may raise its incarnation so often without a word to the disk. */
const STEP = 1000;

/** An incarnation to begin with that is greater than those of earlier runs; begins at 1. */
export async function nextIncarnation(facts: FactStore): Promise<number> {
  const kept = await facts.get(FACT);
  const next = kept?.length === 4 ? Buffer.from(kept).readUInt32BE() + STEP : 1;
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(next);
  await facts.put(FACT, bytes);
  return next;
}
