import { type Address, type RainNetwork, RequestKind } from '../../rain/contract.js';
import type { Clock } from '../../seam/clock.js';
import type { Roster } from './roster.js';
import { decodePage, decodeSync, encodePage, encodeSync } from './sync-message.js';

interface SynchroniserSeams {
  readonly rain: RainNetwork;
  readonly clock: Clock;
}

/** News gets round within a few periods; members that differ for longer differ because news was lost. */
const DIFFERENT_FOR_MS = 10_000;
/** With no PING that tells of a difference for so long there is none: some nodes may always agree with this one. */
const AGREED_AFTER_MS = 3000;
const FIRST_PAUSE_MS = 5000;
/** Where nothing new comes of it, as with nodes that reach different others. */
const LONGEST_PAUSE_MS = 300_000;
const PAGE_TIMEOUT_MS = 2000;
/** More than any table has. */
const MAX_PAGES = 256;

/**
 * Reads the members of another node, page by page: at the first contact, and when what the digests in PINGs tell of has
 * not come to agree by gossip. One at a time.
 */
export class Synchroniser {
  #running = false;
  #joined = false;
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
      const records = this.roster.ids(after).flatMap((id) => this.roster.record(id, from) ?? []);
      return encodePage(records);
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
    if (agreed) this.#differentSinceMs = now;
    this.#differentAtMs = now;
    if (this.#running || now < this.#nextAtMs) return;
    if (this.#joined && now - this.#differentSinceMs < DIFFERENT_FOR_MS) return;
    void this.#read(from);
  }

  async #read(from: Address): Promise<void> {
    this.#running = true;
    const before = this.roster.digest.value;
    try {
      let after = 0n;
      for (let page = 0; page < MAX_PAGES; page++) {
        const payload = encodeSync(after);
        const answer = await this.seams.rain.request(from, RequestKind.Members, payload, {
          timeoutMs: PAGE_TIMEOUT_MS,
        });
        const { records, more } = decodePage(answer);
        for (const record of records) this.roster.learn(record, from, true);
        const last = records.at(-1);
        if (!more || !last || last.id <= after) break;
        after = last.id;
      }
      this.#joined = true;
    } catch {
      // another node is asked when its PING says that it knows others
    } finally {
      this.#running = false;
      const changed = this.roster.digest.value !== before;
      this.#pauseMs = changed ? FIRST_PAUSE_MS : Math.min(LONGEST_PAUSE_MS, 2 * this.#pauseMs);
      this.#nextAtMs = this.seams.clock.monotonic() + this.#pauseMs;
    }
  }
}
