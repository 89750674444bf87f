import { isMurkyError, MurkyError } from '../../errors.js';
import { contactText } from '../contact.js';
import type { Member } from '../peers.js';
import type { Exchange } from './exchange.js';
import type { Roster } from './roster.js';
import { Turns } from './turns.js';

/** Who leaves tells this many of it at a time, one of whom must have noted it. Others the next time. */
const GOODBYES = 8;
const TIMEOUT_MS = 2000;

/** Tells others that this node is gone for good. It is, once one of them has that on its disk. */
export class Goodbye {
  readonly #turns = new Turns();

  constructor(
    private readonly roster: Roster,
    private readonly exchange: Exchange,
  ) {}

  /** Ends within {@link TIMEOUT_MS}. Where nobody has noted it this node has not left, and says so. */
  async say(): Promise<void> {
    const told = this.#turns.next(this.roster.alive(), GOODBYES);
    this.exchange.leave(true);
    const answers = await Promise.allSettled(told.map((member) => this.#tell(member)));
    if (answers.some(({ status }) => status === 'fulfilled')) return this.exchange.onLeft();
    this.exchange.leave(false); // one whose answer was lost would wait for a node that is gone, for good
    throw unheard(told, answers);
  }

  async #tell({ address, id }: Member): Promise<void> {
    const reached = await this.exchange.goodbye(address, id, TIMEOUT_MS);
    if (reached.id !== id) throw new MurkyError('MURKY_NODE_UNREACHABLE', 'Another node answers there.');
  }
}

/** Who answered and could not note it says more than those that did not answer. */
function unheard(told: readonly Member[], answers: readonly PromiseSettledResult<void>[]): MurkyError {
  for (const [i, answer] of answers.entries()) {
    if (answer.status === 'fulfilled' || !isMurkyError(answer.reason)) continue;
    const { code, message } = answer.reason;
    if (code === 'MURKY_TIMEOUT' || code === 'MURKY_NODE_UNREACHABLE') continue;
    const name = contactText(told[i]!.contact);
    return new MurkyError(code, `No other node could note that this one leaves; ${name} says: ${message}`, {
      hint: 'Mend that at one of the others, as by freeing space on its disk: then this node leaves by itself.',
      facts: { peer: name },
    });
  }
  return new MurkyError('MURKY_NODE_UNREACHABLE', 'No other node has heard yet that this one leaves.', {
    hint: 'Start or reconnect one of the others: then this node leaves by itself.',
  });
}
