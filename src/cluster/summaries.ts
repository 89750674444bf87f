import { type RainNetwork, RequestKind } from '../rain/contract.js';
import type { Member } from './peers.js';
import {
  decodeStatusRequest,
  decodeSummary,
  encodeStatusRequest,
  encodeSummary,
  type Summary,
} from './summary-message.js';

const MAX_ASKED_AT_ONCE = 64;
const TIMEOUT_MS = 1000;

/** Says how this node is to whoever asks, and asks the others. */
export class Summaries {
  constructor(
    private readonly rain: RainNetwork,
    own: () => Summary,
  ) {
    rain.onRequest(RequestKind.Status, async (payload) => {
      decodeStatusRequest(payload);
      return encodeSummary(own());
    });
  }

  /** By node id; those that do not answer in time are missing. */
  async of(members: readonly Member[]): Promise<Map<bigint, Summary>> {
    const summaries = new Map<bigint, Summary>();
    const line = members.filter(({ state }) => state === 'alive');
    const ask = async () => {
      for (let member = line.pop(); member; member = line.pop()) {
        const { address, id } = member;
        try {
          const options = { timeoutMs: TIMEOUT_MS };
          const answer = await this.rain.request(address, RequestKind.Status, encodeStatusRequest(), options);
          summaries.set(id, decodeSummary(answer));
        } catch {
          // shown as one that did not answer
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(MAX_ASKED_AT_ONCE, line.length) }, ask));
    return summaries;
  }
}
