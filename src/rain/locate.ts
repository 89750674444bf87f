import { isIP } from 'node:net';
import { isMurkyError, MurkyError } from '../errors.js';
import type { Manifest } from '../object/manifest.js';
import { compareVersions } from '../object/version.js';
import { formatAddress } from './address.js';
import type { Address, Located, LocateOptions, LookupAnswer } from './contract.js';
import { VerifiedFetch } from './fetch.js';
import { openManifest } from './lookup.js';
import { nameOf } from './naming.js';
import { planManifest } from './plan.js';
import { DEFAULT_TIMEOUT_MS } from './requests.js';
import type { FetchHost } from './session.js';

/**
 * Once a server has said that it has the resource the others get three of its round trips, and no less than this, which
 * lets a lost datagram be repeated.
 */
const LEAST_GRACE_MS = 250;
const GRACE_ROUND_TRIPS = 3;
/** Times that a version may be overwritten between its lookup and the fetch of its manifest. */
const MAX_ATTEMPTS = 4;

interface Reply {
  readonly server: Address;
  /** Undefined: none came. */
  readonly answer: LookupAnswer | undefined;
  /** Why it could not even be asked. */
  readonly unasked?: 'unknown' | 'unreachable';
}

/** RainNetwork.locate. */
export async function locate(
  host: FetchHost,
  id: bigint,
  servers: readonly Address[],
  options: LocateOptions = {},
): Promise<Located | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await locateOnce(host, id, servers, options);
    } catch (error) {
      if (!isMurkyError(error, 'MURKY_SUPERSEDED') || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

async function locateOnce(
  host: FetchHost,
  id: bigint,
  servers: readonly Address[],
  options: LocateOptions,
): Promise<Located | undefined> {
  const replies = await askAll(host, id, servers, options);
  if (replies.every(({ answer }) => !answer)) throw nobodyAnswered(id, replies, options.key);
  const newest = replies
    .flatMap(({ answer }) => (answer?.found ? [answer] : []))
    .sort((a, b) => compareVersions(b.version, a.version))[0];
  if (!newest) return undefined;
  const hasNewest = ({ answer }: Reply) => answer?.found && compareVersions(answer.version, newest.version) === 0;
  checkSame(id, replies.filter(hasNewest), options.key);
  const holders = serversOf(replies.filter(hasNewest));
  return {
    manifest: newest.manifest ?? (await fetchManifest(host, id, newest, holders, options)),
    holders,
    others: serversOf(replies.filter((reply) => reply.answer && !hasNewest(reply))),
    silent: serversOf(replies.filter(({ answer }) => !answer)),
  };
}

/** One reply for each server, in their order. */
function askAll(host: FetchHost, id: bigint, servers: readonly Address[], options: LocateOptions): Promise<Reply[]> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
  const replies: Reply[] = servers.map((server) => ({ server, answer: undefined }));
  const asked = host.clock.monotonic();
  const enough = new AbortController();
  return new Promise((resolve, reject) => {
    let open = servers.length;
    let cancelGrace: (() => void) | undefined;
    const onAbort = () => end(() => reject(signal?.reason));
    const end = (settle: () => void) => {
      cancelGrace?.();
      signal?.removeEventListener('abort', onAbort);
      settle();
      enough.abort();
    };
    const ask = async (index: number, server: Address) => {
      try {
        const to = await host.resolve(server);
        replies[index] = { server: to, answer: undefined };
        const answer = await host.lookup(to, id, { timeoutMs, signal: enough.signal });
        replies[index] = { server: to, answer };
        if (!answer.found || cancelGrace) return;
        const graceMs = Math.max(LEAST_GRACE_MS, GRACE_ROUND_TRIPS * (host.clock.monotonic() - asked));
        cancelGrace = host.clock.after(graceMs, () => end(() => resolve(replies)));
      } catch (error) {
        if (enough.signal.aborted) return;
        if (!isNoAnswer(error)) return end(() => reject(error));
        if (isMurkyError(error, 'MURKY_NODE_UNREACHABLE')) {
          replies[index] = { server, answer: undefined, unasked: isIP(server.host) === 0 ? 'unknown' : 'unreachable' };
        }
        host.log.debug({ err: error, server: formatAddress(server) }, 'A server did not answer a lookup.');
      } finally {
        if (--open === 0) end(() => resolve(replies));
      }
    };
    if (signal?.aborted) return onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    if (open === 0) return end(() => resolve(replies));
    servers.forEach((server, index) => void ask(index, server));
  });
}

/** False for what is the caller's mistake or the end of the endpoint: it would be the same with any server. */
function isNoAnswer(error: unknown): boolean {
  const caller = ['MURKY_BAD_ARGUMENT', 'MURKY_INSECURE_REFUSED', 'MURKY_CLOSED'];
  return isMurkyError(error) && !caller.includes(error.code);
}

function nobodyAnswered(id: bigint, replies: readonly Reply[], key: string | undefined): MurkyError {
  const what = nameOf(id, key);
  const facts = { resource: id.toString(), servers: replies.map(({ server }) => formatAddress(server)) };
  if (replies.length === 0) {
    return new MurkyError('MURKY_NO_SERVER', `No server was named to ask for ${what}.`, { facts });
  }
  const unknown = replies.filter(({ unasked }) => unasked === 'unknown');
  const sentence = replies.some(({ unasked }) => unasked)
    ? `No server answered when asked for ${what}: ${replies.map(failureOf).join(', ')}.`
    : `None of ${facts.servers.join(', ')} answered when asked for ${what}.`;
  const hint =
    unknown.length === replies.length
      ? 'See that the names are spelt right, and that this machine can look names up.'
      : 'See that the servers run, that UDP reaches them, and that all have the same cluster key.';
  return new MurkyError('MURKY_NO_SERVER', sentence, { hint, facts });
}

function failureOf({ server, unasked }: Reply): string {
  if (unasked === 'unknown') return `the host name ${server.host} is not known`;
  return `${formatAddress(server)} ${unasked ? 'cannot be reached from here' : 'did not answer'}`;
}

function serversOf(replies: readonly Reply[]): Address[] {
  return replies.map(({ server }) => server);
}

function checkSame(id: bigint, have: readonly Reply[], key: string | undefined): void {
  const hashes = have.map(({ server, answer }) => [
    formatAddress(server),
    Buffer.from(answer?.manifestSha256 ?? []).toString('hex'),
  ]);
  if (new Set(hashes.map(([, hash]) => hash)).size <= 1) return;
  const list = hashes.map(([server, hash]) => `${server} has ${hash?.slice(0, 16)}`).join(', ');
  throw new MurkyError(
    'MURKY_VERSION_CONFLICT',
    `Servers have different bytes for one version of ${nameOf(id, key)}: ${list}.`,
    {
      hint: 'Put the object anew, so that all get one newer version, or leave out the servers that are wrong.',
      facts: { resource: id.toString(), manifests: Object.fromEntries(hashes) },
    },
  );
}

async function fetchManifest(
  host: FetchHost,
  id: bigint,
  answer: LookupAnswer,
  holders: readonly Address[],
  { key, signal }: LocateOptions,
): Promise<Manifest> {
  const fetch = new VerifiedFetch(host, planManifest(id, nameOf(id, key), answer), holders, signal ? { signal } : {});
  for await (const { bytes } of fetch) return openManifest(bytes, id, answer);
  throw new MurkyError('MURKY_CLOSED', 'The endpoint was closed while a manifest was fetched.');
}
