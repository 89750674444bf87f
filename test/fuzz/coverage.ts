import { type Profiler, Session } from 'node:inspector';

/** What has run: by script, a byte for each character of it, 1 if it has. */
export type Reached = Map<string, Uint8Array>;

/** Which parts of the sources under `folder` run, by V8's block coverage. */
export class Coverage {
  readonly #session = new Session();

  constructor(private readonly folder: string) {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Whether something ran since the last look that is not in `reached`; adds it there if `keep`. */
  look(reached: Reached, keep: boolean): boolean {
    let fresh = false;
    this.#session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error) throw error;
      for (const script of taken.result) {
        if (script.url.includes(this.folder)) fresh = add(script, reached, keep) || fresh;
      }
    });
    return fresh;
  }

  close(): void {
    this.#session.disconnect();
  }
}

function add({ url, functions }: Profiler.ScriptCoverage, reached: Reached, keep: boolean): boolean {
  const before = reached.get(url) ?? new Uint8Array();
  const end = Math.max(...functions.flatMap(({ ranges }) => ranges.map(({ endOffset }) => endOffset)));
  const now = new Uint8Array(Math.max(end, before.length));
  // Of functions and of blocks the inner ones come behind the outer ones, with their own counts.
  for (const { ranges } of functions) {
    for (const { startOffset, endOffset, count } of ranges) now.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  }
  let fresh = false;
  for (let at = 0; at < now.length; at++) {
    if (before[at]) now[at] = 1;
    else if (now[at]) fresh = true;
  }
  if (keep && fresh) reached.set(url, now);
  return fresh;
}
