import { type Address, type RainNetwork, RequestKind } from '../../rain/contract.js';
import type { Clock } from '../../seam/clock.js';
import type { Roster } from './roster.js';
import { decodePage, decodeSync, encodePage, encodeSync } from './sync-message.js';

interface SynchroniserSeams {
  readonly rain: RainNetwork;
  readonly clock: Clock;
}

/** A list of members that is being read. */
interface Reading {
  /** Id behind which the next page begins. */
  after: bigint;
  /** Of the members that this node knew when it began. */
  readonly digest: bigint;
}

/** News gets round within a few periods; members that differ for longer differ because news was lost. */
const DIFFERENT_FOR_MS = 10_000;
/** With no PING that tells of a difference for so long there is none: some nodes may always agree with this one. */
const AGREED_AFTER_MS = 3000;
const FIRST_PAUSE_MS = 5000;
/** Where nothing new comes of it, as with nodes that reach different others. */
const LONGEST_PAUSE_MS = 300_000;
const PAGE_TIMEOUT_MS = 2000;
/** A node that gave no page says nothing of whether there is something new: another one is asked so soon. */
const SILENCE_PAUSE_MS = 1000;
/** More than any table has. */
const MAX_PAGES = 256;

/**
 * Reads the members of another node, page by page: at the first contact, and when what the digests in PINGs tell of has
 * not come to agree by gossip. One at a time. Where a node falls silent the next one is asked for the pages behind those
 * that came: in a large cluster a list has so many that one node over a bad link would hardly ever give them all.
 */
export class Synchroniser {
  #running = false;
  #joined = false;
  #reading: Reading | undefined;
  #differentSinceMs = 0;
  #differentAtMs = Number.NEGATIVE_INFINITY;
  #nextAtMs = 0;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(
    private readonly roster: Roster,
    private readonly seams: SynchroniserSeams,
  ) {}

  start(): void {
    this.seams.rain.onRequest(RequestKind.Members, async (payload, from) => {
      const after = decodeSync(payload);
      return encodePage(this.roster.records(after, from));
    });
  }

  /** What a PING from there said: it knows the same members, or others. */
  onDigest(same: boolean, from: Address): void {
    const now = this.seams.clock.monotonic();
    const agreed = now - this.#differentAtMs > AGREED_AFTER_MS;
    if (same) {
      this.#joined = true;
      if (agreed) this.#pauseMs = FIRST_PAUSE_MS;
      return;
    }
    if (agreed) {
      this.#differentSinceMs = now;
      this.#reading = undefined; // what it has left may lie before the pages that came
    }
    this.#differentAtMs = now;
    if (this.#running || now < this.#nextAtMs) return;
    const settling = this.#joined && now - this.#differentSinceMs < DIFFERENT_FOR_MS;
    if (settling && !this.#reading) return;
    void this.#read(from);
  }

  async #read(from: Address): Promise<void> {
    this.#running = true;
    this.#reading ??= { after: 0n, digest: this.roster.digest.value };
    const reading = this.#reading;
    let pauseMs = SILENCE_PAUSE_MS;
    try {
      await this.#pages(reading, from);
      const changed = this.roster.digest.value !== reading.digest;
      this.#pauseMs = changed ? FIRST_PAUSE_MS : Math.min(LONGEST_PAUSE_MS, 2 * this.#pauseMs);
      pauseMs = this.#pauseMs;
      this.#joined = true;
      this.#reading = undefined;
    } catch {
      // another node is asked when its PING says that it knows others
    } finally {
      this.#running = false;
      this.#nextAtMs = this.seams.clock.monotonic() + pauseMs;
    }
  }

  /** Takes up the pages that are left. Rejects where one does not come. */
  async #pages(reading: Reading, from: Address): Promise<void> {
    for (let page = 0; page < MAX_PAGES; page++) {
      const answer = await this.seams.rain.request(from, RequestKind.Members, encodeSync(reading.after), {
        timeoutMs: PAGE_TIMEOUT_MS,
      });
      const { records, more } = decodePage(answer);
      for (const record of records) this.roster.learn(record, from, true);
      const last = records.at(-1);
      if (!more || !last || last.id <= reading.after) return;
      reading.after = last.id;
    }
  }
}
