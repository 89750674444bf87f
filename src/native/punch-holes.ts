import type { PunchHoles } from '../seam/punch-holes.js';
import { addon } from './addon.js';

/** {@link PunchHoles} by the system, on a thread of Node's pool. */
export const punchHoles: PunchHoles = (descriptor, holes) =>
  addon().punchHoles(
    descriptor,
    holes.flatMap(({ offset, length }) => [offset, length]),
  );
