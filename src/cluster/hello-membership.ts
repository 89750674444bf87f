import { isIP } from 'node:net';
import { type Address, type RainNetwork, RequestKind } from '../rain/contract.js';
import type { Clock } from '../seam/clock.js';
import type { Log } from '../seam/log.js';
import type { Random } from '../seam/random.js';
import { type Contact, contactText, isLoopback, sameAddress } from './contact.js';
import { decodeHello, encodeHello, type Hello, type KnownPeer, MAX_KNOWN_PEERS } from './hello-message.js';
import type { Membership, Resolve } from './membership.js';
import { MembershipListeners } from './membership-listeners.js';
import { isMember, type Member, type Peer, type PeerTable } from './peers.js';

export interface HelloOptions {
  readonly id: bigint;
  readonly boot: bigint;
  readonly weight: number;
  readonly zone: string;
  readonly standby: boolean;
  readonly advertised?: Contact;
  readonly servers: readonly Contact[];
  readonly autoAddPeers: boolean;
}

export interface HelloSeams {
  readonly rain: RainNetwork;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly resolve: Resolve;
}

export const HELLO_PERIOD_MS = 1000;
export const AWAY_AFTER_MS = 5000;
const HELLO_TIMEOUT_MS = 1500;
const MAX_HELLO_PERIOD_MS = 5000; // to a peer that does not answer
const MIN_MS_PER_HELLO = 10; // with many peers the period grows, so that hellos stay below 100 a second
const FORGET_UNANSWERED_AFTER_MS = 60_000; // a learned contact that never answered
const MAX_CONFLICTS = 64;

/**
 * Who else is there: says HELLO to every peer about once a second and notes who answers. A peer with another cluster
 * key never answers, as the transport drops what it cannot open.
 */
export class HelloMembership implements Membership {
  readonly #timers = new Map<Peer, () => void>();
  readonly #conflicts = new Map<bigint, string>();
  readonly #answeredSinceStart = new WeakSet<Peer>();
  readonly #listeners: MembershipListeners;
  #leaving = false;
  #closed = false;

  constructor(
    private readonly table: PeerTable,
    private readonly options: HelloOptions,
    private readonly seams: HelloSeams,
  ) {
    this.#listeners = new MembershipListeners(seams.log);
  }

  on(listener: Parameters<MembershipListeners['on']>[0]): () => void {
    return this.#listeners.on(listener);
  }

  async start(): Promise<void> {
    const now = this.seams.clock.monotonic();
    for (const contact of this.options.servers) this.table.add(contact, true, now);
    await this.table.load(this.options.autoAddPeers, now);
    this.seams.rain.onRequest(RequestKind.Hello, (payload, from) => this.#onRequest(payload, from));
    for (const peer of this.table.all()) {
      if (this.#isOwn(peer)) peer.hidden = true;
      else void this.#hello(peer);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  async leave(): Promise<void> {
    this.#leaving = true;
    await Promise.all(this.members().map((member) => this.#hello(member)));
  }

  members(): Member[] {
    return this.table.members();
  }

  peers(): Peer[] {
    return this.table.all().filter((peer) => !peer.hidden);
  }

  revision(): undefined {}

  /** One sentence for each identity that two running nodes claim. */
  conflicts(): string[] {
    return [...this.#conflicts.values()];
  }

  async #hello(peer: Peer): Promise<void> {
    const { clock, rain } = this.seams;
    const started = clock.monotonic();
    try {
      const to = await this.#addressOf(peer);
      const payload = encodeHello(this.#self(to));
      const answer = decodeHello(await rain.request(to, RequestKind.Hello, payload, { timeoutMs: HELLO_TIMEOUT_MS }));
      if (this.#closed) return;
      const took = clock.monotonic() - started;
      peer.roundTripMs = peer.roundTripMs === undefined ? took : (7 * peer.roundTripMs + took) / 8;
      peer.silences = 0;
      this.#note(answer, to, peer);
    } catch (error) {
      if (this.#closed) return;
      this.#onSilence(peer, error);
    }
    this.#schedule(peer);
  }

  #schedule(peer: Peer): void {
    if (this.#closed || this.#isOwn(peer) || this.table.byContact(peer.contact) !== peer) return;
    const { clock, random } = this.seams;
    const usual = Math.max(HELLO_PERIOD_MS, this.table.size * MIN_MS_PER_HELLO);
    const period = peer.state === 'alive' ? usual : Math.max(usual, Math.min(MAX_HELLO_PERIOD_MS, usual * 2));
    this.#timers.get(peer)?.();
    const jittered = period * (0.8 + 0.4 * random.unit());
    this.#timers.set(
      peer,
      clock.after(jittered, () => {
        this.#timers.delete(peer);
        void this.#hello(peer);
      }),
    );
  }

  #onSilence(peer: Peer, error: unknown): void {
    const now = this.seams.clock.monotonic();
    peer.silences += 1;
    if (peer.silences === 1 && peer.listed && peer.state !== 'alive') {
      const reason = error instanceof Error ? error.message : String(error);
      this.seams.log.info({ peer: contactText(peer.contact), reason }, 'A listed server does not answer yet.');
    }
    const period = Math.max(HELLO_PERIOD_MS, this.table.size * MIN_MS_PER_HELLO);
    if (peer.state === 'alive' && now - (peer.lastSeenMs ?? 0) >= Math.max(AWAY_AFTER_MS, 5 * period)) {
      peer.state = 'away';
      peer.awaySinceMs = now;
      this.seams.log.info(
        { peer: contactText(peer.contact), error: String(error) },
        'A peer does not answer any more.',
      );
      if (isMember(peer)) this.#listeners.emit({ kind: 'away', member: peer });
    }
    if (!peer.listed && peer.id === undefined && now - peer.learnedAtMs >= FORGET_UNANSWERED_AFTER_MS) {
      this.#forget(peer);
    }
  }

  async #onRequest(payload: Uint8Array, from: Address): Promise<Uint8Array> {
    const hello = decodeHello(payload);
    if (!this.#closed) this.#note(hello, from, undefined);
    return encodeHello(this.#self(from));
  }

  /** What this node says of itself to `to`. */
  #self(to: Address): Hello {
    const { id, boot, weight, zone, standby, advertised } = this.options;
    const alive = this.members().filter((peer) => peer.state === 'alive');
    const tellable = alive.filter((peer) => !isLoopback(peer.contact.host) || isLoopback(to.host));
    const known: KnownPeer[] = [];
    const from = Math.floor(this.seams.random.unit() * tellable.length);
    for (let i = 0; i < Math.min(tellable.length, MAX_KNOWN_PEERS); i++) {
      const peer = tellable[(from + i) % tellable.length];
      if (peer?.id !== undefined) known.push({ id: peer.id, contact: peer.contact });
    }
    const left = this.#leaving;
    return { id, boot, weight, zone, standby, left, ...(advertised && { advertised }), known };
  }

  /** Takes note of what `hello` says; `asked` is the peer that it answers, without one it came as a request. */
  #note(hello: Hello, from: Address, asked: Peer | undefined): void {
    if (hello.id === this.options.id) {
      if (hello.boot === this.options.boot) {
        if (asked) asked.hidden = true;
      } else {
        this.#conflict(hello.id, `Another running node (${contactText(from)}) has the id of this one.`);
      }
      return;
    }
    const peer = this.#peerOf(hello, from, asked);
    if (!peer) return;
    const restarted = peer.boot !== hello.boot;
    this.#checkBoot(peer, hello, from);
    const known = peer.id === hello.id && peer.address !== undefined;
    const changed =
      !known || peer.weight !== hello.weight || peer.zone !== hello.zone || peer.standby !== hello.standby;
    const moved = peer.address !== undefined && !sameAddress(peer.address, from);
    if (peer.id !== undefined && peer.id !== hello.id) {
      this.seams.log.warn({ peer: contactText(peer.contact) }, 'A peer has come back as a new node.');
      this.#answeredSinceStart.delete(peer);
      peer.state = 'unknown';
    }
    peer.id = hello.id;
    peer.weight = hello.weight;
    peer.zone = hello.zone;
    peer.standby = hello.standby;
    if (asked === peer || restarted || peer.state !== 'alive') peer.address = from;
    peer.lastSeenMs = this.seams.clock.monotonic();
    if (changed || moved) this.#keep(this.table.remember(peer));
    if (hello.left) {
      if (peer.state === 'left') return;
      peer.state = 'left';
      peer.awaySinceMs = peer.lastSeenMs;
      this.#listeners.emit({ kind: 'left', member: peer });
      return;
    }
    if (peer.state !== 'alive') {
      const first = !this.#answeredSinceStart.has(peer);
      peer.state = 'alive';
      peer.awaySinceMs = undefined;
      this.#answeredSinceStart.add(peer);
      this.seams.log.info({ peer: contactText(peer.contact), id: hello.id.toString(16) }, 'A peer answers.');
      if (isMember(peer)) this.#listeners.emit({ kind: 'alive', member: peer, first });
      if (!asked) this.#schedule(peer);
    } else if (changed && isMember(peer)) this.#listeners.emit({ kind: 'changed', member: peer });
    if (this.options.autoAddPeers) for (const known of hello.known) this.#learnFrom(known, from);
  }

  /** Which entry of the table a hello is about: one node has one, also when several contacts lead to it. */
  #peerOf(hello: Hello, from: Address, asked: Peer | undefined): Peer | undefined {
    const byId = this.table.byId(hello.id);
    if (asked) {
      asked.hidden = false;
      if (!byId || byId === asked) return asked;
      const keepAsked = asked.listed === byId.listed ? byId.state !== 'alive' : asked.listed;
      const [kept, other] = keepAsked ? [asked, byId] : [byId, asked];
      if (other.listed) other.hidden = true;
      else this.#forget(other);
      return kept;
    }
    if (byId) return byId;
    const contact = hello.advertised ?? from;
    const known = this.table.byAddress(from) ?? this.table.byContact(contact);
    if (known) return known.hidden ? undefined : known;
    return this.options.autoAddPeers ? this.#learn(contact) : undefined;
  }

  #learnFrom(known: KnownPeer, from: Address): void {
    if (known.id === this.options.id || this.table.byId(known.id) || this.table.byContact(known.contact)) return;
    if (isLoopback(known.contact.host) && !isLoopback(from.host)) return;
    const peer = this.#learn(known.contact);
    if (peer) void this.#hello(peer);
  }

  #learn(contact: Contact): Peer | undefined {
    const peer = this.table.add(contact, false, this.seams.clock.monotonic());
    if (!peer) this.seams.log.debug({ peer: contactText(contact) }, 'There is no room for another peer.');
    return peer;
  }

  #forget(peer: Peer): void {
    this.#timers.get(peer)?.();
    this.#timers.delete(peer);
    this.#keep(this.table.remove(peer));
  }

  /** A restart changes the boot once. Two nodes with one data folder take turns: an earlier boot comes back. */
  #checkBoot(peer: Peer, hello: Hello, from: Address): void {
    if (peer.id !== hello.id || peer.boot === hello.boot) {
      peer.boot = hello.boot;
      return;
    }
    if (peer.previousBoot === hello.boot) {
      const where = `${contactText(peer.contact)} and ${contactText(from)}`;
      this.#conflict(hello.id, `Two running nodes have the id ${hello.id.toString(16).padStart(16, '0')} (${where}).`);
    }
    if (peer.boot !== undefined) peer.previousBoot = peer.boot;
    peer.boot = hello.boot;
  }

  #conflict(id: bigint, sentence: string): void {
    if (this.#conflicts.has(id) || this.#conflicts.size >= MAX_CONFLICTS) return;
    const whole = `${sentence} A data folder was copied: empty the copy's folder, so that it gets an id of its own.`;
    this.#conflicts.set(id, whole);
    this.seams.log.error({ id: id.toString(16).padStart(16, '0') }, whole);
  }

  #isOwn(peer: Peer): boolean {
    const contacts = [this.seams.rain.address, this.options.advertised];
    return contacts.some((own) => own && contactText(own) === contactText(peer.contact));
  }

  async #addressOf(peer: Peer): Promise<Address> {
    // A peer may have moved from where it was found first: every other try goes to where it was heard from last.
    if (peer.address && (peer.silences % 2 === 1 || (peer.silences === 0 && peer.state === 'alive')))
      return peer.address;
    const { host, port } = peer.contact;
    if (isIP(host)) return { host, port };
    return this.seams.resolve(peer.contact);
  }

  #keep(written: Promise<void>): void {
    written.catch((error) =>
      this.seams.log.warn({ error: String(error) }, 'What is known of peers could not be kept.'),
    );
  }
}
