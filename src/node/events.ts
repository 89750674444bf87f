import type { RepairProgress } from '../cluster/repair/repair.js';
import type { Offence } from '../rain/quarantine.js';

/** What a node tells by `events`: the name, and what listeners are called with. */
export interface NodeEvents {
  /** A server sent wrong bytes, was found out, and is left out of fetches for a time. */
  quarantine: [Offence];
  /** How far repair is: once a second while something is repaired, and once when it has ended. */
  repair: [RepairProgress];
}
