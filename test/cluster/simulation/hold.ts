import { told } from './report.js';
import { simulate } from './simulate.js';

/** Rejects, with what happened, where a seed does not hold. `before`: why it failed once. */
export async function hold(seed: number, before?: string): Promise<void> {
  const report = await simulate({ seed });
  const once = before === undefined ? '' : `\nIt has failed before: ${before}.`;
  if (report.violation) throw new Error(told(report, {}) + once);
}
