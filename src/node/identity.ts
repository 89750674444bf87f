import type { Random } from '../seam/random.js';
import type { FactStore } from '../store/contract.js';

const FACT = 'node/id';

/** The id of this node: made at the first start, then kept in the data folder. */
export async function nodeId(facts: FactStore, random: Random): Promise<bigint> {
  const kept = await facts.get(FACT);
  if (kept?.length === 8) return Buffer.from(kept).readBigUInt64BE();
  const id = random.bits64();
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(id);
  await facts.put(FACT, bytes);
  return id;
}

/** 16 hexadecimal digits. */
export function idText(id: bigint): string {
  return id.toString(16).padStart(16, '0');
}
