import { isIP, isIPv4 } from 'node:net';
import { ERROR_CODES, type ErrorCode, MurkyError } from '../errors.js';
import { addon, type LoopEvent, type LoopOptions, type NativeLoop, type SocketKind } from '../native/addon.js';
import { checkAddress, formatAddress, isLoopback, isMulticast, type ResolveHost } from './address.js';
import type { Address } from './contract.js';

const MIN_KEY_BYTES = 16;
const MAX_KEY_BYTES = 64;
/** kMaxClusterKeys of native/rain/epoch_key.h. */
export const MAX_CLUSTER_KEYS = 4;
/** kMaxLoops of native/rain/loop_group.h. */
const MAX_THREADS = 16;

export interface BindOptions {
  /** Address or name to bind; 127.0.0.1 by default. */
  readonly host?: string;
  /** UDP port to bind; 0, the default, lets the system choose. */
  readonly port?: number;
  /**
   * The cluster key, 16 to 64 bytes: every datagram is sealed with it. Of several, at most {@link MAX_CLUSTER_KEYS}, the
   * first seals and all open. Without one only this machine is spoken to.
   */
  readonly key?: Uint8Array | readonly Uint8Array[];
  /** Speaks unsealed to any machine. Whoever is on the path can then read, forge and change everything. */
  readonly insecure?: boolean;
  /** Throws away this share (0 to 1) of outgoing datagrams: for tests and demonstrations. */
  readonly dropFraction?: number;
  /** How datagrams pass to the system, at most: one a call, many a call, many in one message (UDP GSO and GRO). */
  readonly socket?: SocketKind;
  /** Packet loops that share the port, 1 to 16; 1 by default, and always where the system is not Linux. */
  readonly threads?: number;
  readonly maxRateBitsPerSecond?: number;
  readonly maxRatePerPeerBitsPerSecond?: number;
  /** Memory for blocks that are kept for the next reader, as they are or encoded. */
  readonly blockCacheBytes?: number;
  readonly maxSubscriptions?: number;
  readonly maxSubscriptionsPerPeer?: number;
  readonly maxInboundRequests?: number;
  readonly maxInboundRequestsPerPeer?: number;
  readonly maxFetches?: number;
  /** Sealed datagrams of unknown senders that are tried; one peer has a hundredth of it. */
  readonly maxStrangersPerSecond?: number;
  /**
   * Multicast group that large objects with several readers are poured to, and heard from: a numeric multicast address
   * and a port, the same on all nodes. None by default.
   */
  readonly multicastGroup?: Address;
  /** Numeric address of this machine whose interface the group is reached by; by default that of `host`. */
  readonly multicastInterface?: string;
  /** How many routers what is poured may pass, and one; 1 by default, which none may. */
  readonly multicastTtl?: number;
  /** What is poured is bounded by this alone, as a group has no rate control; 50 Mbit/s by default. */
  readonly multicastMaxRateBitsPerSecond?: number;
}

export type MakeLoop = (options: LoopOptions, onEvents: (events: LoopEvent[]) => void) => NativeLoop;

export const makeNativeLoop: MakeLoop = (options, onEvents) => new (addon().Loop)(options, onEvents);

/** True where neither a key nor `insecure` allows to speak to other machines. */
export function isLoopbackOnly(options: Pick<BindOptions, 'key' | 'insecure'>): boolean {
  return options.key === undefined && !options.insecure;
}

/** What the loop is to be made with; checks everything that the loop takes on trust. */
export async function loopOptions(options: BindOptions, resolveHost: ResolveHost): Promise<LoopOptions> {
  const { host = '127.0.0.1', port = 0, key, insecure: _, ...rest } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new MurkyError('MURKY_BAD_ARGUMENT', `Port ${port} is not between 0 and 65535.`);
  }
  const keys = key && checkKeys(key);
  checkFraction(options.dropFraction ?? 0);
  if (options.multicastGroup) checkGroup(options.multicastGroup);
  checkThreads(options.threads ?? 1);
  const numeric = isIP(host) ? host : await bindName(host, resolveHost);
  const loopbackOnly = isLoopbackOnly(options);
  if (loopbackOnly && !isLoopback(numeric)) {
    throw new MurkyError(
      'MURKY_INSECURE_REFUSED',
      `Without a cluster key only this machine may be spoken to, but others can reach ${numeric}.`,
      {
        hint: 'Give a cluster key ("murky keygen" makes one), bind 127.0.0.1, or set insecure to go unsealed on purpose.',
      },
    );
  }
  return { ...rest, host: numeric, port, loopbackOnly, ...(keys && { keys }) };
}

function checkGroup(group: Address): void {
  const { host, port } = checkAddress(group);
  if (isMulticast(host)) return;
  throw new MurkyError('MURKY_BAD_ARGUMENT', `${formatAddress({ host, port })} is no multicast group.`, {
    hint: 'Groups are 224.0.0.0 to 239.255.255.255 and the addresses of ff00::/8; 239.0.0.0/8 is for private use.',
  });
}

/** The keys as a list, or MURKY_BAD_CLUSTER_KEY. */
export function checkKeys(given: Uint8Array | readonly Uint8Array[]): readonly Uint8Array[] {
  const keys = given instanceof Uint8Array ? [given] : given;
  if (keys.length === 0 || keys.length > MAX_CLUSTER_KEYS) {
    throw badKey(`A node takes 1 to ${MAX_CLUSTER_KEYS} cluster keys at once, not ${keys.length}.`);
  }
  for (const [at, key] of keys.entries()) {
    if (key.length < MIN_KEY_BYTES || key.length > MAX_KEY_BYTES) {
      throw badKey(`The cluster key has ${key.length} bytes; it must have ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES}.`);
    }
    const twin = keys.findIndex((other) => Buffer.compare(other, key) === 0);
    if (twin < at) throw badKey(`Cluster keys ${twin + 1} and ${at + 1} are the same.`);
  }
  return keys;
}

function badKey(sentence: string): MurkyError {
  return new MurkyError('MURKY_BAD_CLUSTER_KEY', sentence, { hint: '"murky keygen" makes a good one.' });
}

function checkThreads(threads: number): void {
  if (Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS) return;
  throw new MurkyError('MURKY_BAD_ARGUMENT', `${threads} packet loops are not between 1 and ${MAX_THREADS}.`);
}

export function checkFraction(fraction: number): void {
  if (fraction >= 0 && fraction <= 1) return;
  throw new MurkyError('MURKY_BAD_ARGUMENT', `A drop fraction of ${fraction} is not between 0 and 1.`);
}

/** Makes the loop, its failures told in this package's codes. */
export function bindLoop(
  options: LoopOptions,
  onEvents: (events: LoopEvent[]) => void,
  makeLoop: MakeLoop,
): NativeLoop {
  try {
    return makeLoop(options, onEvents);
  } catch (cause) {
    if (cause instanceof MurkyError) throw cause;
    const where = formatAddress(options);
    const { code = '', message } = cause as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new MurkyError('MURKY_ADDRESS_IN_USE', `UDP port ${where} is in use already.`, {
        hint: 'Stop the program that holds it, or choose another port; 0 takes any free one.',
        cause,
      });
    }
    if (Object.hasOwn(ERROR_CODES, code)) throw new MurkyError(code as ErrorCode, message, { cause });
    throw new MurkyError('MURKY_ADDRESS_UNUSABLE', `UDP address ${where} cannot be bound (${code || message}).`, {
      hint: 'Choose an address of this machine; ports below 1024 need a privilege.',
      cause,
    });
  }
}

/** Which addresses a socket bound to `host` can send to; 0: both families. */
export function familyOf(host: string): 0 | 4 | 6 {
  if (host === '::') return 0;
  return isIPv4(host) ? 4 : 6;
}

async function bindName(host: string, resolveHost: ResolveHost): Promise<string> {
  try {
    return await resolveHost(host, host === 'localhost' ? 4 : 0);
  } catch (cause) {
    throw new MurkyError('MURKY_ADDRESS_UNUSABLE', `The host name ${host} does not resolve to an address.`, { cause });
  }
}
