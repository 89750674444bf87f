import { type ErrorCode, isMurkyError } from '../errors.js';
import type { Manifest } from '../object/manifest.js';
import { compareVersions, type Version } from '../object/version.js';
import { type Address, type RainNetwork, RequestKind } from '../rain/contract.js';
import { type Clock, sleep } from '../seam/clock.js';
import type { Store } from '../store/contract.js';
import { currentIfSound } from '../store/damage.js';
import { PENDING_AFTER_MS } from './intake.js';
import type { Member } from './peers.js';
import { decodeAnswer, encodePropagate, type PropagateAnswer } from './propagate-message.js';

/** How an owner was brought to hold a version, or was not. */
export type Delivered =
  | { readonly kind: 'durable' }
  | { readonly kind: 'newer'; readonly version: Version }
  /** `final`: asking again later would not change it. */
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly final: boolean }
  /** No answer, or no progress, for too long. */
  | { readonly kind: 'silent' };

export interface DeliverOptions {
  /** Further holders by now. */
  readonly holders: () => readonly Address[];
  /** No one waits for it: a repair. */
  readonly repair: boolean;
  /** Called when it goes on: the owner has so many blocks of it, or had some of what is before it in line. */
  readonly onProgress: (blocks: number) => void;
  readonly signal: AbortSignal;
}

interface DeliverySeams {
  readonly rain: RainNetwork;
  readonly store: Store;
  readonly clock: Clock;
}

const ANSWER_TIMEOUT_MS = PENDING_AFTER_MS + 2000;
const GIVE_UP_WITHOUT_ANSWER_MS = 10_000;
const GIVE_UP_WITHOUT_PROGRESS_MS = 60_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2000;

const FINAL: ReadonlySet<ErrorCode> = new Set(['MURKY_ID_TAKEN', 'MURKY_VERSION_CONFLICT', 'MURKY_BAD_MESSAGE']);
const NOT_SOON: ReadonlySet<ErrorCode> = new Set(['MURKY_STORE_FULL', 'MURKY_DISK_FULL']);

/**
 * Asks one owner to hold a version until it does, refuses, or stays silent. Once this node holds a newer one it is that
 * which is brought, so that 'newer' is only ever said of what the owner holds. Never rejects, unless aborted.
 */
export async function deliver(
  owner: Member,
  wanted: Manifest,
  seams: DeliverySeams,
  options: DeliverOptions,
): Promise<Delivered> {
  const { rain, store, clock } = seams;
  const { signal, repair } = options;
  let manifest = wanted;
  let holders = options.holders().length;
  let payload = encodePropagate(owner.id, manifest, options.holders(), repair);
  let answeredAtMs = clock.monotonic();
  let progressAtMs = answeredAtMs;
  let [blocks, ahead] = [0, 0];
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    signal.throwIfAborted();
    if (options.holders().length !== holders) {
      holders = options.holders().length;
      payload = encodePropagate(owner.id, manifest, manifest === wanted ? options.holders() : [], repair);
    }
    const answer = await ask(rain, owner.address, payload, signal);
    const now = clock.monotonic();
    if (answer) answeredAtMs = now;
    if (answer?.kind === 'newer') return answer;
    if (answer?.kind === 'durable') return manifest === wanted ? answer : { kind: 'newer', version: manifest.version };
    if (answer?.kind === 'pending') {
      if (answer.blocks > blocks || answer.ahead > ahead) {
        progressAtMs = now;
        options.onProgress(answer.blocks);
      }
      ({ blocks, ahead } = answer); // smaller again where the owner had to start afresh
      pauseMs = FIRST_PAUSE_MS;
    } else {
      if (answer && (FINAL.has(answer.code) || NOT_SOON.has(answer.code))) {
        return { ...answer, final: FINAL.has(answer.code) };
      }
      const current = await currentIfSound(store, manifest.id);
      if (current && compareVersions(current.version, manifest.version) > 0) {
        manifest = current; // overwritten here meanwhile
        holders = -1;
      }
      if (owner.state !== 'alive' || now - answeredAtMs >= GIVE_UP_WITHOUT_ANSWER_MS) return { kind: 'silent' };
      await sleep(clock, pauseMs, signal);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
    if (now - progressAtMs >= GIVE_UP_WITHOUT_PROGRESS_MS) return { kind: 'silent' };
  }
}

/** Undefined if no answer came: also where the address cannot be reached, or the owner is starting or closing. */
async function ask(
  rain: RainNetwork,
  to: Address,
  payload: Uint8Array,
  signal: AbortSignal,
): Promise<PropagateAnswer | undefined> {
  try {
    const options = { timeoutMs: ANSWER_TIMEOUT_MS, signal };
    return decodeAnswer(await rain.request(to, RequestKind.Propagate, payload, options));
  } catch (error) {
    signal.throwIfAborted();
    const told = isMurkyError(error, 'MURKY_BAD_MESSAGE') || isMurkyError(error, 'MURKY_BUSY');
    return told ? { kind: 'refused', code: error.code } : undefined;
  }
}
