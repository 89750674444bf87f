import type { Log } from '../../src/seam/log.js';

/** A log that keeps what it is told. */
export function listener(): { said: string[]; facts: Record<string, unknown>[]; log: Log } {
  const said: string[] = [];
  const facts: Record<string, unknown>[] = [];
  const note = (fact: object, sentence: string) => {
    said.push(sentence);
    facts.push(fact as Record<string, unknown>);
  };
  return { said, facts, log: { debug() {}, info: note, warn: note, error: note } };
}
