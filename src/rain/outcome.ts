import { MurkyError } from '../errors.js';
import { type FetchReport, RefuseReason, ServerState } from '../native/addon.js';
import { compareVersions } from '../object/version.js';
import { formatAddress } from './address.js';
import type { Address } from './contract.js';
import type { FetchPlan } from './plan.js';
import type { FetchHost } from './session.js';

/** How long servers that dropped the version have to say which one they hold instead. */
const SUPERSEDED_TIMEOUT_MS = 1000;

/** Why a server that was left out of a fetch was left out. */
export interface Departure {
  readonly server: Address;
  readonly cause: RefuseReason | 'wrong' | 'nothing' | 'unreachable' | 'unknown';
}

/** Each cause as the end of a sentence that begins with the server's address. */
const CAUSES: Record<Departure['cause'], string> = {
  [RefuseReason.NotHere]: 'does not have it',
  [RefuseReason.BadShape]: 'cannot serve it in this shape',
  [RefuseReason.Busy]: 'is at its limit',
  [RefuseReason.Unreadable]: 'cannot read it',
  wrong: 'sent wrong bytes',
  nothing: 'sent nothing when it was asked alone',
  unreachable: 'cannot be reached from here',
  unknown: 'has a host name that is not known',
};

const STATES: Record<ServerState, string> = {
  [ServerState.Connecting]: 'never answered',
  [ServerState.Alive]: 'sent nothing useful any more',
  [ServerState.Silent]: 'went silent',
  [ServerState.Refused]: 'refused',
};

/** The error of a fetch that no server is left for, or that none helps: what each of them did. */
export function noServerError(
  plan: FetchPlan,
  departures: readonly Departure[],
  report: FetchReport | undefined,
  stalledForMs?: number,
): MurkyError {
  const did = new Map<string, string>();
  for (const server of report?.servers ?? []) {
    const busy = server.state === ServerState.Refused && server.reason === RefuseReason.Busy;
    did.set(formatAddress(server), busy ? CAUSES[RefuseReason.Busy] : STATES[server.state]);
  }
  for (const { server, cause } of departures) did.set(formatAddress(server), CAUSES[cause]);
  const list = [...did].map(([address, what]) => `${address} ${what}`).join(', ');
  const what =
    stalledForMs === undefined ? 'No server is left' : `No server sent anything useful for ${stalledForMs} ms`;
  return new MurkyError('MURKY_NO_SERVER', `${what} for ${plan.name}: ${list || 'none was named'}.`, {
    hint: 'See that the servers run, that UDP reaches them, and that all have the same cluster key.',
    facts: { resource: plan.resource.toString(), servers: Object.fromEntries(did) },
  });
}

export function pollutedError(plan: FetchPlan, position: number, culprits: readonly string[]): MurkyError {
  const who = culprits.join(', ');
  return new MurkyError(
    'MURKY_POLLUTED',
    `No server has the right bytes of block ${position} of ${plan.name}; wrong ones came from ${who}.`,
    {
      hint: 'Those servers hold damaged or foreign data, or run a faulty program; put the object there anew.',
      facts: { resource: plan.resource.toString(), block: position, culprits },
    },
  );
}

/** True if a server that no longer has the version holds a newer one, a tombstone among them. */
export async function isSuperseded(
  host: FetchHost,
  plan: FetchPlan,
  departures: readonly Departure[],
  signal: AbortSignal,
): Promise<boolean> {
  const asked = departures.filter(({ cause }) => cause === RefuseReason.NotHere);
  const newer = await Promise.all(
    asked.map(async ({ server }) => {
      try {
        const answer = await host.lookup(server, plan.resource, { timeoutMs: SUPERSEDED_TIMEOUT_MS, signal });
        return answer.found && compareVersions(answer.version, plan.version) > 0;
      } catch {
        return false; // gone, or no better than gone
      }
    }),
  );
  return newer.includes(true);
}

export function supersededError(plan: FetchPlan): MurkyError {
  return new MurkyError(
    'MURKY_SUPERSEDED',
    `No server has the version of ${plan.name} any more that was being fetched; it was overwritten or deleted meanwhile.`,
    { hint: 'Fetch it again.', facts: { resource: plan.resource.toString() } },
  );
}
