import type { Finding, Verified } from '../../store/verify.js';
import { printable } from '../terminal/output.js';
import { bytesText, countText } from '../terminal/quantity.js';

/** What is shown of damage; all of it is counted. */
const MAX_SHOWN = 1000;

/** What a program is told of a finding. */
export type ShownFinding = Pick<Finding, 'kind' | 'what' | 'key' | 'block'>;

/** Keeps the first findings. */
export class ShownFindings {
  readonly shown: ShownFinding[] = [];
  #count = 0;

  add({ kind, what, key, block }: Finding): void {
    this.#count++;
    if (this.shown.length >= MAX_SHOWN) return;
    this.shown.push({ kind, what, ...(key !== undefined && { key }), ...(block !== undefined && { block }) });
  }

  lines(): string {
    const lines = this.shown.map(({ kind, what }) => `${kind.padEnd(8)}  ${printable(what)}\n`).join('');
    const more = this.#count - this.shown.length;
    return more > 0 ? `${lines}and ${more} more\n` : lines;
  }
}

/** 12 objects and 1 deleted, 64 blocks, 64.1 MiB */
export function amountText({ objects, tombstones, blocks, bytes }: Verified): string {
  return `${countText(objects, 'object')} and ${tombstones} deleted, ${countText(blocks, 'block')}, ${bytesText(bytes)}`;
}

export function damageText({ findings }: Verified): string {
  return findings === 0 ? 'no damage' : countText(findings, 'finding');
}
