import { SingleBar } from 'cli-progress';
import { printable } from './output.js';
import { bytesText, secondsText } from './quantity.js';

const LINE_INTERVAL_MS = 5000;
/** What is over sooner shows no progress at all. */
const FIRST_SHOW_MS = 250;
const NAME_CHARACTERS = 32;

/** How far a transfer has come, on standard error: a bar on a terminal, a line every 5 seconds otherwise. */
export interface Progress {
  advance(bytes: number): void;
  /** Says something besides the bar: a line of its own. */
  note(line: string): void;
  /** Takes the bar away. Idempotent. */
  stop(): void;
}

export interface ProgressOptions {
  /** Undefined where nobody knows, as with standard input. */
  readonly totalBytes?: number | undefined;
  readonly quiet?: boolean | undefined;
  /** A bar would get mixed up with what goes to the same terminal. */
  readonly noBar?: boolean;
}

export function startProgress(name: string, options: ProgressOptions): Progress {
  if (options.quiet) return { advance() {}, note() {}, stop() {} };
  const short = printable(name.length > NAME_CHARACTERS ? `${name.slice(0, NAME_CHARACTERS - 1)}…` : name);
  if (process.stderr.isTTY === true && !options.noBar) return bar(short, options.totalBytes);
  return lines(short, options.totalBytes);
}

function bar(name: string, totalBytes: number | undefined): Progress {
  const started = performance.now();
  let done = 0;
  let shown: SingleBar | undefined;
  let stopped = false;
  const facts = () => {
    const seconds = (performance.now() - started) / 1000;
    const rate = done / Math.max(seconds, 0.001);
    const left =
      totalBytes === undefined || done === 0 || done >= totalBytes
        ? ''
        : `  ${secondsText((totalBytes - done) / rate)} left`;
    const of = totalBytes === undefined ? '' : ` of ${bytesText(totalBytes)}`;
    return { amount: `${bytesText(done)}${of}`, speed: `${bytesText(rate)}/s`, left };
  };
  const show = () => {
    shown = new SingleBar({
      format: `${name}${totalBytes === undefined ? '' : ' {bar} {percentage}%'}  {amount}  {speed}{left}`,
      stream: process.stderr,
      barCompleteChar: '━',
      barIncompleteChar: '─',
      barsize: 24,
      fps: 8,
      linewrap: true, // cuts the line instead of switching off the terminal's wrapping, which a kill would leave off
      clearOnComplete: true,
    });
    shown.start(totalBytes || 1, done, facts());
  };
  const hide = () => {
    shown?.stop();
    shown = undefined;
  };
  return {
    advance(bytes) {
      done += bytes;
      if (shown) shown.update(done, facts());
      else if (!stopped && performance.now() - started >= FIRST_SHOW_MS) show();
    },
    note(line) {
      const again = shown !== undefined && !stopped;
      hide();
      process.stderr.write(`${line}\n`);
      if (again) show();
    },
    stop() {
      stopped = true;
      hide();
    },
  };
}

function lines(name: string, totalBytes: number | undefined): Progress {
  let done = 0;
  let last = performance.now();
  const of = totalBytes === undefined ? '' : ` of ${bytesText(totalBytes)}`;
  return {
    advance(bytes) {
      done += bytes;
      if (performance.now() - last < LINE_INTERVAL_MS) return;
      last = performance.now();
      process.stderr.write(`${name}: ${bytesText(done)}${of}\n`);
    },
    note(line) {
      process.stderr.write(`${line}\n`);
    },
    stop() {},
  };
}
