/*
 * SIGHUP, as to other daemons: read again what may change while it runs. One that comes before there is a node must not
 * end the process, as it does by default; it is heard as soon as the node is there. This file imports nothing: it has to
 * be there before what takes time to load.
 */

let came = false;
let handle: (() => void) | undefined;

/** From now on a SIGHUP ends nothing. */
export function holdHangups(): void {
  process.on('SIGHUP', () => {
    if (handle) handle();
    else came = true;
  });
}

/** Calls `work` at each SIGHUP from now on, and at once if one came before. */
export function onHangup(work: () => void): void {
  handle = work;
  if (came) work();
}
