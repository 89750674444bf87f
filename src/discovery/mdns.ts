import multicastDns, { type MulticastDNS, type ResponsePacket } from 'multicast-dns';
import type { Clock } from '../seam/clock.js';
import type { Log } from '../seam/log.js';

export interface MdnsOptions {
  /** What this node is called among its fellows: 16 hexadecimal digits. */
  readonly id: string;
  /** UDP port of the transport. */
  readonly port: number;
  /** What tells this cluster from others on the network, at most {@link MAX_CLUSTERS}; one in common is enough. */
  readonly clusters: readonly string[];
  /** IPv4 address of the network interface; without it all of them are used. */
  readonly interface?: string;
  /** Another UDP port than 5353, for tests. */
  readonly mdnsPort?: number;
}

interface MdnsSeams {
  readonly clock: Clock;
  readonly log: Log;
  /** A node of this cluster says that it is there. */
  readonly onFound: (contact: { readonly host: string; readonly port: number }) => void;
}

export const SERVICE = '_murky._udp.local';
/** Different addresses that are taken from the network while this node runs; what comes beyond is not looked at. */
export const MAX_FOUND = 64;
export const MAX_CLUSTERS = 8;
const TTL_SECONDS = 120;
/** Questions at the start come close together, then rarely (RFC 6762, section 5.2). */
const ASK_AFTER_MS = [0, 1000, 3000, 9000];
const ASK_AGAIN_MS = 60_000;
/** Unasked, at the start (RFC 6762, section 8.3). */
const ANNOUNCE_AFTER_MS = [0, 1000];
/** An answer goes to all, and once a second is enough whoever asks (RFC 6762, section 6). */
const ANSWER_EVERY_MS = 1000;

/**
 * Finds other nodes of the cluster on the local network by DNS-based service discovery over multicast DNS (RFC 6762,
 * RFC 6763), and is found by them. What is found is a first contact and nothing more: who may take part is decided by the
 * cluster key. Where multicast is not to be had the node says so once, and goes on without it.
 */
export class Mdns {
  readonly #socket: MulticastDNS;
  readonly #found = new Set<string>();
  #stopTimers: (() => void)[] = [];
  #answeredAtMs = Number.NEGATIVE_INFINITY;
  #closed = false;
  #told = false;

  constructor(
    private readonly options: MdnsOptions,
    private readonly seams: MdnsSeams,
  ) {
    const { interface: address, mdnsPort } = options;
    // Bound to all addresses: what is sent to the group is not sent to that of the interface.
    this.#socket = multicastDns({
      bind: '0.0.0.0',
      ...(mdnsPort !== undefined && { port: mdnsPort }),
      ...(address !== undefined && { interface: address }),
    });
    this.#socket.on('error', (error) => this.#complain(error));
    this.#socket.on('warning', () => {}); // others' malformed packets, and interfaces that come and go
    this.#socket.on('query', ({ questions = [] }) => {
      if (questions.some(({ name, type }) => isService(name) && type === 'PTR')) this.#answer();
    });
    this.#socket.on('response', (packet, { address }) => this.#take(packet, address));
  }

  start(): void {
    for (const delay of ASK_AFTER_MS) this.#after(delay, () => this.#ask());
    for (const delay of ANNOUNCE_AFTER_MS) this.#after(delay, () => this.#announce(TTL_SECONDS));
    this.#askAgain();
  }

  /** Says goodbye (RFC 6762, section 10.1), and ends. */
  async close(): Promise<void> {
    if (this.#closed) return;
    for (const stop of this.#stopTimers) stop();
    await new Promise<void>((resolve) => this.#announce(0, resolve));
    this.#closed = true;
    await new Promise<void>((resolve) => this.#socket.destroy(() => resolve()));
  }

  #askAgain(): void {
    this.#after(ASK_AGAIN_MS, () => {
      this.#ask();
      this.#stopTimers = [];
      this.#askAgain();
    });
  }

  #ask(): void {
    this.#socket.query({ questions: [{ name: SERVICE, type: 'PTR' }] }, (error) => this.#complain(error));
  }

  #answer(): void {
    const now = this.seams.clock.monotonic();
    if (this.#closed || now - this.#answeredAtMs < ANSWER_EVERY_MS) return;
    this.#answeredAtMs = now;
    this.#announce(TTL_SECONDS);
  }

  #announce(ttl: number, done: () => void = () => {}): void {
    const { id, port, clusters } = this.options;
    const name = `${id}.${SERVICE}`;
    const data = clusters.slice(0, MAX_CLUSTERS).map((cluster) => `cluster=${cluster}`);
    this.#socket.respond(
      {
        answers: [{ name: SERVICE, type: 'PTR', ttl, data: name }],
        additionals: [
          { name, type: 'SRV', ttl, data: { port, target: `${id}.local`, priority: 0, weight: 0 } },
          { name, type: 'TXT', ttl, data },
        ],
      },
      (error) => {
        this.#complain(error);
        done();
      },
    );
  }

  /** The address is the one that the answer came from: it is where the sender can be reached from here. */
  #take({ answers, additionals = [] }: ResponsePacket, host: string): void {
    const records = [...(answers ?? []), ...additionals];
    for (const record of records) {
      if (record.type !== 'SRV' || !record.name.endsWith(`.${SERVICE}`) || record.ttl === 0) continue;
      const { port } = record.data;
      if (record.name === `${this.options.id}.${SERVICE}` || !(port >= 1 && port <= 65535)) continue;
      const texts = records.flatMap((one) => (one.type === 'TXT' && one.name === record.name ? textsOf(one.data) : []));
      if (!this.options.clusters.some((cluster) => texts.includes(`cluster=${cluster}`))) continue;
      const name = `${host}:${port}`;
      if (this.#found.has(name) || this.#found.size >= MAX_FOUND) continue;
      this.#found.add(name);
      this.seams.log.info({ peer: name }, 'A node of this cluster was found on the local network.');
      this.seams.onFound({ host, port });
    }
  }

  #after(delayMs: number, work: () => void): void {
    this.#stopTimers.push(this.seams.clock.after(delayMs, work));
  }

  #complain(error: Error | null | undefined): void {
    if (!error || this.#told || this.#closed) return;
    this.#told = true;
    const text =
      'The local network cannot be asked for other nodes (cluster.mdns); they are found by other ways alone.';
    this.seams.log.warn({ error: error.message }, text);
  }
}

function isService(name: string): boolean {
  return name.toLowerCase() === SERVICE;
}

/** A TXT holds one text, or several. */
function textsOf(data: unknown): string[] {
  return (Array.isArray(data) ? data : [data]).map(String);
}
