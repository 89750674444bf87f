import {
  compareVersions,
  toldVersion,
  VERSION_BYTES,
  type Version,
  versionToBytes,
  versionToText,
} from '../object/version.js';
import { type Address, type RainNetwork, RequestKind } from '../rain/contract.js';
import { type Clock, sleep } from '../seam/clock.js';
import { notMeant } from './not-meant.js';
import { OctetReader, u8, u64 } from './octets.js';
import type { VersionRegister } from './version-register.js';

/** The node of a version in the register that no write has: the claim before it was given up. */
const NOBODY = 0n;

/** A claim that could not be given up in so long is given up by others, when this node is away, or by its next writer. */
const MAX_TRIES = 60;
const RETRY_MS = 5000;
const ASK_TIMEOUT_MS = 1000;

interface ClaimsSeams {
  readonly rain: RainNetwork;
  readonly clock: Clock;
  /** Where a node is reached that is there. */
  readonly addressOf: (node: bigint) => Address | undefined;
}

/** What a conditional writer has to bring along to claim the place after the version that it saw. */
export interface Standing {
  /** In the register when it looked. */
  readonly claimed: Version | null;
  /** The claim is that of a write that will never be acknowledged. */
  readonly void: boolean;
}

/**
 * Lets one conditional writer at a time replace a version, with a register that all nodes share: each claims its new
 * version there before it commits, and whoever comes later waits until that is to be seen at the quorum. Without a
 * register every claim is granted.
 */
export class Claims {
  /** Claims of this process whose writes have not ended. */
  readonly #running = new Set<string>();
  readonly #closing = new AbortController();

  constructor(
    private readonly register: VersionRegister | undefined,
    private readonly self: bigint,
    private readonly seams: ClaimsSeams,
  ) {
    seams.rain.onRequest(RequestKind.Claim, async (payload) => {
      const { to, id, version } = decodeClaim(payload);
      if (to !== self) throw notMeant('A CLAIM');
      return u8(this.#running.has(nameOf(id, version)) ? 1 : 0);
    });
  }

  /** Where a writer stands that saw `newest` at the quorum; 'busy' while another one is on its way to replace it. */
  async look(id: bigint, newest: Version | undefined): Promise<Standing | 'busy'> {
    if (!this.register) return { claimed: null, void: false };
    const claimed = await this.register.read(id);
    if (!claimed || (newest && compareVersions(claimed, newest) <= 0)) return { claimed, void: false };
    return claimed.node !== NOBODY && (await this.#goesOn(id, claimed)) ? 'busy' : { claimed, void: true };
  }

  /** False if another writer came first. Call {@link end} when the write has ended, whatever became of it. */
  async claim(id: bigint, standing: Standing, version: Version): Promise<boolean> {
    if (!this.register) return true;
    this.#running.add(nameOf(id, version));
    let set = false;
    try {
      set = (await this.register.compareAndSet(id, standing.claimed, version)).set;
    } catch (error) {
      this.end(id, version, false); // perhaps it was set
      throw error;
    }
    if (!set) this.#running.delete(nameOf(id, version));
    return set;
  }

  /** Whether a write that has met a newer one still has its claim: if not, that one may have replaced the same version. */
  async holds(id: bigint, version: Version): Promise<boolean> {
    if (!this.register) return true;
    const claimed = await this.register.read(id);
    return claimed !== null && compareVersions(claimed, version) === 0;
  }

  /** The write has ended. If it failed its claim is given up, in the background, so that no one waits for it. */
  end(id: bigint, version: Version, acknowledged: boolean): void {
    if (!this.#running.delete(nameOf(id, version)) || acknowledged || !this.register) return;
    void this.#giveUp(this.register, id, version);
  }

  /** Gives up no more claims: without an answer from this node the others take its claims for void. */
  close(): void {
    this.#closing.abort();
  }

  /** Whether the write that has claimed a version may still be acknowledged. */
  async #goesOn(id: bigint, claimed: Version): Promise<boolean> {
    if (claimed.node === this.self) return this.#running.has(nameOf(id, claimed));
    const address = this.seams.addressOf(claimed.node);
    if (!address) return false;
    try {
      const question = encodeClaim(claimed.node, id, claimed);
      const [answer] = await this.seams.rain.request(address, RequestKind.Claim, question, {
        timeoutMs: ASK_TIMEOUT_MS,
      });
      return answer !== 0; // 0: it has failed, or its node has been restarted since
    } catch {
      return true; // not known
    }
  }

  async #giveUp(register: VersionRegister, id: bigint, version: Version): Promise<void> {
    const nobody = { time: version.time + 1n, node: NOBODY };
    const { signal } = this.#closing;
    for (let tries = 1; tries <= MAX_TRIES && !signal.aborted; tries++) {
      try {
        await register.compareAndSet(id, version, nobody);
        return;
      } catch {
        await sleep(this.seams.clock, RETRY_MS, signal).catch(() => {}); // closing
      }
    }
  }
}

function nameOf(id: bigint, version: Version): string {
  return `${id}/${versionToText(version)}`;
}

/** Node id of the writer (8), resource id (8), claimed version (16). */
export function encodeClaim(to: bigint, id: bigint, version: Version): Buffer {
  return Buffer.concat([u64(to), u64(id), versionToBytes(version)]);
}

export function decodeClaim(payload: Uint8Array): { to: bigint; id: bigint; version: Version } {
  const reader = new OctetReader(payload, 'A CLAIM');
  const claim = { to: reader.u64(), id: reader.u64(), version: toldVersion(reader.take(VERSION_BYTES)) };
  reader.end();
  return claim;
}
