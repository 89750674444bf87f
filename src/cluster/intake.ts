import { isIP } from 'node:net';
import { type ErrorCode, isMurkyError } from '../errors.js';
import { encodeManifest, sha256 } from '../object/manifest.js';
import { compareVersions, type Version } from '../object/version.js';
import { type Address, type RainNetwork, RequestKind } from '../rain/contract.js';
import { type Clock, sleep } from '../seam/clock.js';
import type { Log } from '../seam/log.js';
import type { Store } from '../store/contract.js';
import { currentIfSound } from '../store/damage.js';
import { sameAddress } from './contact.js';
import { notMeant } from './not-meant.js';
import { decodePropagate, encodeAnswer, type Propagate, type PropagateAnswer } from './propagate-message.js';
import type { Pulls } from './pulls.js';
import type { Pace } from './queued-pull.js';

/** How long an asker waits for news; then it hears "pending" and asks again. */
export const PENDING_AFTER_MS = 1000;

const NO_ROOM: ReadonlySet<ErrorCode> = new Set(['MURKY_STORE_FULL', 'MURKY_DISK_FULL']);

interface IntakeSeams {
  readonly rain: RainNetwork;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** This node takes on nothing more: it is being drained. */
  readonly refusing: () => boolean;
  /** This node is to hold a version, and has no room for it. Never rejects. */
  readonly onLacking: (id: bigint, version: Version) => Promise<void>;
  /** Of repairs. */
  readonly pace: Pace;
}

/**
 * The owner's side of PROPAGATE: fetches what it does not hold from all holders, and says when it is durable. Whoever
 * asks counts this node as an owner, so it keeps a replica even where its own view of the members differs.
 */
export class Intake {
  constructor(
    /** Id of this node. */
    self: bigint,
    private readonly pulls: Pulls,
    private readonly seams: IntakeSeams,
  ) {
    seams.rain.onRequest(RequestKind.Propagate, async (payload, from) => {
      const message = decodePropagate(payload);
      if (message.to !== self) throw notMeant('A PROPAGATE');
      return encodeAnswer(await this.#answer(message, from));
    });
  }

  async #answer(message: Propagate, from: Address): Promise<PropagateAnswer> {
    try {
      const held = await this.#heldAlready(message);
      if (held?.kind === 'newer' && !this.seams.refusing() && (await this.pulls.keepsOvertaken(message))) {
        return await this.#pull(message, from).catch(() => held);
      }
      if (held) return held;
      if (this.seams.refusing()) return { kind: 'refused', code: 'MURKY_DRAINING' };
      return await this.#pull(message, from);
    } catch (error) {
      if (isMurkyError(error)) {
        if (NO_ROOM.has(error.code)) await this.seams.onLacking(message.id, message.version);
        return { kind: 'refused', code: error.code };
      }
      this.seams.log.error({ error: String(error), id: String(message.id) }, 'A PROPAGATE failed.');
      return { kind: 'refused', code: 'MURKY_INTERNAL' };
    }
  }

  async #heldAlready(message: Propagate): Promise<PropagateAnswer | undefined> {
    const { store } = this.seams;
    const current = await currentIfSound(store, message.id);
    if (!current) return undefined;
    const order = compareVersions(current.version, message.version);
    if (order > 0) return { kind: 'newer', version: current.version };
    if (order < 0) return undefined;
    if (!sha256(encodeManifest(current)).equals(message.manifestSha256)) {
      return { kind: 'refused', code: 'MURKY_VERSION_CONFLICT' };
    }
    await store.setRole(message.id, message.version, 'replica');
    return { kind: 'durable' };
  }

  async #pull(message: Propagate, from: Address): Promise<PropagateAnswer> {
    const { clock, rain } = this.seams;
    const further = message.holders.filter(
      (holder) => isIP(holder.host) && !sameAddress(holder, from) && !sameAddress(holder, rain.address),
    );
    const pull = this.pulls.start(message, [from, ...further], 'replica', message.repair ? this.seams.pace : undefined);
    const waiting = new AbortController();
    try {
      const held = await Promise.race([pull.done, sleep(clock, PENDING_AFTER_MS, waiting.signal)]);
      if (!held) return { kind: 'pending', blocks: pull.blocks(), ahead: pull.ahead() };
      return held.kind === 'held' ? { kind: 'durable' } : held;
    } finally {
      waiting.abort();
    }
  }
}
