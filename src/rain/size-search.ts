import type { Address } from './contract.js';
import type { FetchPlan } from './plan.js';
import { MANIFEST_BLOCK } from './serving.js';
import { type FetchHost, Session } from './session.js';

/**
 * Symbol sizes that are tried, each with 76 bytes more as an IPv4 packet and 96 as an IPv6 one. 1152 is BASE_PLPMTU of
 * RFC 8899, section 5.1.2: 1200 bytes of UDP payload; 448 fits 576 bytes over IPv4, which every host has to take
 * (RFC 791, section 3.1).
 */
const SIZES = [4416, 1344, 1280, 1216, 1152, 1088, 1024, 960, 832, 704, 576, 448, 320, 192];
/** For the longer ones, once something has come. One that is lost is asked for again after 250 ms: MAX_PROBES, and one more. */
const GRACE_MS = 1000;
/** Endpoints that search now. One path at a time: probes take subscriptions, of which a server gives a peer so many. */
const searching = new WeakSet<FetchHost>();

export const isSearching = (host: FetchHost): boolean => searching.has(host);

/** Nothing comes at all: the server is away, or was never there. */
const LIMIT_MS = 3000;

/**
 * The longest symbols, none longer than those of the plan, that come over the path from a server; undefined if nothing
 * comes. As in RFC 8899 a probe is a padded datagram: the first symbol of the version's manifest, which the server fills
 * up with zeros to whatever size it is asked for. All sizes are tried at once, the longest first, so that a queue does not
 * make them look lost. Ends with `signal`. Not to be called while {@link isSearching}.
 */
export function longestThatComes(
  host: FetchHost,
  plan: FetchPlan,
  server: Address,
  signal: AbortSignal,
): Promise<number | undefined> {
  return new Promise((resolve) => {
    const sizes = [plan.symbolBytes, ...SIZES.filter((size) => size < plan.symbolBytes)];
    const sessions: Session[] = [];
    let longest: number | undefined;
    let stopTimer = () => {};
    const end = () => {
      stopTimer();
      signal.removeEventListener('abort', end);
      for (const session of sessions) session.close();
      searching.delete(host);
      resolve(longest);
    };
    const came = (size: number) => {
      if (longest === undefined) {
        stopTimer();
        stopTimer = host.clock.after(GRACE_MS, end);
      }
      longest = Math.max(longest ?? 0, size);
      if (longest === plan.symbolBytes) end();
    };
    if (signal.aborted) return resolve(undefined);
    searching.add(host);
    signal.addEventListener('abort', end, { once: true });
    stopTimer = host.clock.after(LIMIT_MS, end);
    for (const size of sizes) {
      const probe = openProbe(host, { ...plan, symbolBytes: size }, server, () => came(size));
      if (probe) sessions.push(probe);
    }
  });
}

/** Undefined where as many fetches run as may. */
function openProbe(host: FetchHost, plan: FetchPlan, server: Address, came: () => void): Session | undefined {
  try {
    const session = new Session(host, { ...plan, first: 0, end: 1 }, [server], { decoded: came, refused() {} }, false);
    // To the client a block of one symbol; what is in it does not matter.
    session.want({ number: MANIFEST_BLOCK, bytes: plan.symbolBytes, sha256: new Uint8Array() });
    return session;
  } catch {
    return undefined;
  }
}
