import { type HeldBlock, RefuseReason } from '../native/addon.js';
import type { Address } from './contract.js';
import type { FetchPlan } from './plan.js';
import { type FetchHost, Session } from './session.js';

/** Servers asked alone at the same time; each has one block in memory. */
const MAX_TRIALS_AT_ONCE = 8;

export type Verdict = 'wrong' | 'nothing';

export interface TrialEvents {
  /** A session runs; its report counts towards that of the fetch. */
  opened(session: Session): void;
  /** The true bytes, from the first server that gave them. */
  right(bytes: Uint8Array): void;
  /** Of those who gave no true bytes before the first one did. */
  verdict(server: Address, verdict: Verdict): void;
}

export interface TrialOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Fetches one block from the suspects, each alone, until one of them gives the true bytes: a block is the work of all
 * who sent for it, and its hash says no more than that one of them lied. Whoever gives wrong bytes alone is guilty; of
 * the others the symbols that they gave before tell, once the true bytes are known.
 */
export async function tryAlone(
  host: FetchHost,
  plan: FetchPlan,
  position: number,
  suspects: readonly Address[],
  events: TrialEvents,
  options: TrialOptions,
): Promise<void> {
  const waiting = [...suspects];
  const found = new AbortController();
  const signal = AbortSignal.any([options.signal, found.signal]);
  const work = async () => {
    for (let suspect = waiting.shift(); suspect && !signal.aborted; suspect = waiting.shift()) {
      const bytes = await fetchAlone(host, plan, position, suspect, events, { ...options, signal });
      const right = bytes !== undefined && Buffer.compare(await bytes.sha256(), plan.block(position).sha256) === 0;
      if (right && !found.signal.aborted) {
        found.abort();
        events.right(bytes.take());
        continue;
      }
      bytes?.drop();
      if (bytes && !right) {
        events.verdict(suspect, 'wrong');
      } else if (!bytes && !signal.aborted) {
        events.verdict(suspect, 'nothing');
      }
    }
  };
  await Promise.all(Array.from({ length: MAX_TRIALS_AT_ONCE }, work));
}

/** The block as this one server has it; undefined if it did not give it. */
function fetchAlone(
  host: FetchHost,
  plan: FetchPlan,
  position: number,
  server: Address,
  events: TrialEvents,
  { timeoutMs, signal }: TrialOptions,
): Promise<HeldBlock | undefined> {
  return new Promise((resolve, reject) => {
    const session = new Session(host, plan, [server], {
      decoded: (_block, bytes) => end(() => resolve(bytes)),
      refused: (_server, reason) => {
        if (reason !== RefuseReason.Busy) end(() => resolve(undefined));
      },
    });
    const giveUp = () => end(() => resolve(undefined));
    const stopTimer = host.clock.after(timeoutMs, giveUp);
    signal.addEventListener('abort', giveUp, { once: true });
    const end = (settle: () => void) => {
      stopTimer();
      signal.removeEventListener('abort', giveUp);
      session.close();
      settle();
    };
    events.opened(session);
    try {
      session.want(plan.block(position));
    } catch (error) {
      end(() => reject(error));
    }
  });
}
