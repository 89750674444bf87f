import type { Version } from '../object/version.js';
import type { Address, BlockFetch } from '../rain/contract.js';
import { sameAddress } from './contact.js';
import type { Limit } from './limit.js';

/** What this node holds durably in the end: the wanted version or a newer one. */
export type Held = { readonly kind: 'held' } | { readonly kind: 'newer'; readonly version: Version };

/** Resolves when so many bytes may be fetched. Rejects with the signal's reason. */
export type Pace = (bytes: number, signal: AbortSignal) => Promise<void>;

const MAX_HOLDERS = 16;

/** A pull that waits in line, or runs. */
export class QueuedPull {
  readonly done: Promise<Held>;
  /** Grows, also before the fetch begins. */
  readonly holders: Address[];
  #fetch: BlockFetch | undefined;
  #begin: (line: Limit) => Promise<void> = async () => {};
  /** That it is in for its turn, and then that it has its place in. */
  #line: Limit;
  #lineAt: number;
  #ahead = 0;
  #blocks = 0;
  #moved = false;
  readonly #hurried = new AbortController();

  /** Without a `pace` someone waits for it. */
  constructor(
    line: Limit,
    holders: readonly Address[],
    private readonly pace: Pace | undefined,
    work: (pull: QueuedPull) => Promise<Held>,
  ) {
    this.holders = [...holders];
    this.#line = line;
    this.#lineAt = line.advanced;
    this.done = new Promise((resolve, reject) => {
      this.#begin = (line) => {
        this.#begin = async () => {}; // its place in another line is not needed any more
        this.#ahead = this.ahead();
        this.#line = line;
        this.#lineAt = Number.POSITIVE_INFINITY;
        return work(this).then(resolve, reject);
      };
    });
    this.done.catch(() => {}); // whoever waits sees it; it is no crash if no one does
    void line.run(() => this.#begin(line));
  }

  /** Blocks that are in the store so far. */
  blocks(): number {
    return this.#blocks;
  }

  /** Blocks that came for others while it waited in line: as long as they do, nothing is wrong. */
  ahead(): number {
    return this.#ahead + Math.max(0, this.#line.advanced - this.#lineAt);
  }

  /** Brings in holders that turned up later. */
  also(holders: readonly Address[]): void {
    for (const holder of holders) {
      if (this.holders.length >= MAX_HOLDERS || this.holders.some((one) => sameAddress(one, holder))) continue;
      this.holders.push(holder);
      this.#fetch?.addServer(holder);
    }
  }

  /**
   * Someone waits for it now: it keeps to no pace any more, and goes into `line`, too, if it has not begun. Where that one
   * is full it goes there when it is told so again.
   */
  hurry(line: Limit): void {
    if (!this.pace) return;
    this.#hurried.abort();
    if (this.#moved || this.#lineAt === Number.POSITIVE_INFINITY || line.full) return;
    this.#moved = true;
    this.#ahead = this.ahead();
    this.#line = line;
    this.#lineAt = line.advanced;
    void line.run(() => this.#begin(line));
  }

  /** Resolves when a block of so many bytes may be fetched. */
  async turn(bytes: number): Promise<void> {
    const { signal } = this.#hurried;
    if (!this.pace || signal.aborted) return;
    try {
      await this.pace(bytes, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  onFetch(fetch: BlockFetch): void {
    this.#fetch = fetch;
  }

  onBlock(): void {
    this.#blocks += 1;
    this.#line.advance();
  }
}
