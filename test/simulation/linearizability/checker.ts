import type { Operation, Value } from './history.js';

export type Verdict =
  | { readonly linearizable: true; readonly order: readonly Operation[] }
  /** `furthest`: the longest row of operations that could be put in order. */
  | { readonly linearizable: false; readonly furthest: readonly Operation[] };

/** A call or a return in the doubly linked list of all of them. */
interface Entry {
  /** Undefined: the end of the list. */
  readonly operation: number | undefined;
  /** Of a call, where the operation has returned. */
  readonly matching?: Entry | undefined;
  readonly call: boolean;
  previous: Entry;
  next: Entry;
}

/**
 * Whether there is an order of the operations on one register, in which each takes effect at one moment between its
 * beginning and its end, and each read reads what was written last; the register begins with `initial`. A write
 * without an end may take effect at any moment after its beginning, or never.
 *
 * The search of Wing and Gong, "Testing and verifying concurrent objects" (JPDC 17, 1993), on a linked list of calls and
 * returns, with the memory of Lowe, "Testing for linearizability" (CCPE 29(4), 2017): a set of operations that led to a
 * state once need not be tried again. Made for histories of some dozens of operations.
 */
export function checkLinearizable(history: readonly Operation[], initial: Value = null): Verdict {
  const operations = history.filter((operation) => mayMatter(operation, history));
  const head = linked(operations);
  const seen = new Set<string>();
  const taken: { entry: Entry; before: Value }[] = [];
  let done = 0n;
  let value = initial;
  let ended = operations.filter(({ end }) => end !== Number.POSITIVE_INFINITY).length;
  let furthest: Operation[] = [];
  const orderOf = () => taken.map(({ entry }) => operations[entry.operation!]!);
  let entry = head.next;
  while (ended > 0) {
    const operation = entry.operation === undefined ? undefined : operations[entry.operation]!;
    if (operation && entry.call) {
      const possible = operation.kind === 'write' || operation.value === value;
      const after = done | (1n << BigInt(entry.operation!));
      const name = `${after.toString(36)} ${operation.value ?? ''}${operation.value === null}`;
      if (possible && !seen.has(name)) {
        seen.add(name);
        taken.push({ entry, before: value });
        value = operation.value;
        done = after;
        if (entry.matching) ended -= 1;
        lift(entry);
        entry = head.next;
      } else {
        entry = entry.next;
      }
      continue;
    }
    // An operation has ended before it could be put in order, or only writes without an end are left to try.
    if (taken.length > furthest.length) furthest = orderOf();
    const last = taken.pop();
    if (!last) return { linearizable: false, furthest };
    value = last.before;
    done &= ~(1n << BigInt(last.entry.operation!));
    if (last.entry.matching) ended += 1;
    unlift(last.entry);
    entry = last.entry.next;
  }
  return { linearizable: true, order: orderOf() };
}

/** False for a write without an end of which nobody has read: where it is in an order it can be left out as well. */
function mayMatter({ end, start, value }: Operation, history: readonly Operation[]): boolean {
  if (end !== Number.POSITIVE_INFINITY) return true;
  return history.some((other) => other.kind === 'read' && other.value === value && other.end > start);
}

/** The calls and returns in order of time, between a head and an end that belong to no operation. */
function linked(operations: readonly Operation[]): Entry {
  const moments: { at: number; entry: Entry }[] = [];
  for (const [index, { start, end }] of operations.entries()) {
    const returned = end === Number.POSITIVE_INFINITY ? undefined : bare(index, false);
    if (returned) moments.push({ at: end, entry: returned });
    moments.push({ at: start, entry: { ...bare(index, true), matching: returned } });
  }
  moments.sort((a, b) => a.at - b.at);
  const head = bare(undefined, false);
  let last = head;
  for (const { entry } of [...moments, { entry: bare(undefined, false) }]) {
    last.next = entry;
    entry.previous = last;
    last = entry;
  }
  return head;
}

function bare(operation: number | undefined, call: boolean): Entry {
  return { operation, call } as Entry;
}

function lift(call: Entry): void {
  for (const entry of call.matching ? [call, call.matching] : [call]) {
    entry.previous.next = entry.next;
    entry.next.previous = entry.previous;
  }
}

function unlift(call: Entry): void {
  for (const entry of call.matching ? [call.matching, call] : [call]) {
    entry.previous.next = entry;
    entry.next.previous = entry;
  }
}
