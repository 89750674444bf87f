import { MultiBar, type SingleBar } from 'cli-progress';
import { printable } from './output.js';
import { RateWindow } from './rate-window.js';
import { amountText, arrivedBytes, type FetchFigures, serverLines } from './transfer-lines.js';

const LINE_INTERVAL_MS = 5000;
const REFRESH_MS = 250;
/** What is over sooner shows no progress at all. */
const FIRST_SHOW_MS = 250;
const NAME_CHARACTERS = 32;

/** How far a transfer has come, on standard error: a bar on a terminal, a line every 5 seconds otherwise. */
export interface Progress {
  advance(bytes: number): void;
  /** Says how much was there before: it counts as done, and not in the rate. */
  resume(bytes: number): void;
  /** Says how much there is, once it is known. */
  expect(totalBytes: number | undefined): void;
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
  /** The fetch behind the transfer, where there is one: its servers are shown too. */
  readonly fetch?: () => FetchFigures | undefined;
}

export function startProgress(name: string, options: ProgressOptions): Progress {
  if (options.quiet) return { advance() {}, resume() {}, expect() {}, note() {}, stop() {} };
  const short = printable(name.length > NAME_CHARACTERS ? `${name.slice(0, NAME_CHARACTERS - 1)}…` : name);
  const onTerminal = process.stderr.isTTY === true && !options.noBar;
  const transfer = new Transfer(options);
  return onTerminal ? bar(short, transfer) : lines(short, transfer);
}

/** The figures of a transfer, from the bytes that came here and from the fetch behind it. */
class Transfer {
  readonly #window = new RateWindow();
  #advanced = 0;
  #before = 0;
  #total: number | undefined;

  constructor(private readonly options: ProgressOptions) {
    this.#total = options.totalBytes;
  }

  advance(bytes: number): void {
    this.#advanced += bytes;
  }

  resume(bytes: number): void {
    this.#before = bytes;
  }

  expect(totalBytes: number | undefined): void {
    this.#total = totalBytes ?? this.#total;
  }

  look() {
    const fetch = this.options.fetch?.();
    const total = this.#total ?? fetch?.wantedBytes;
    const come = Math.max(this.#advanced, fetch ? arrivedBytes(fetch) : 0);
    this.#window.add(performance.now(), come);
    const done = Math.min(this.#before + come, total ?? Number.POSITIVE_INFINITY);
    const servers = fetch ? serverLines(fetch) : [];
    return { done, total, amount: amountText(done, total, this.#window.rate(), fetch), servers };
  }
}

function bar(name: string, transfer: Transfer): Progress {
  const started = performance.now();
  let shown: { bars: MultiBar; head: SingleBar; servers: SingleBar[] } | undefined;
  let stopped = false;
  const show = () => {
    const { done, total, amount, servers } = transfer.look();
    shown ??= open(name, total);
    if (total !== undefined) shown.head.setTotal(total || 1);
    shown.head.update(done, { name, amount });
    for (const [index, line] of servers.entries()) {
      const there = shown.servers[index];
      if (there) there.update(0, { line });
      else shown.servers.push(shown.bars.create(1, 0, { line }, { format: '{line}' }));
    }
  };
  const hide = () => {
    shown?.bars.stop();
    shown = undefined;
  };
  const timer = setInterval(() => {
    if (!stopped && performance.now() - started >= FIRST_SHOW_MS) show();
  }, REFRESH_MS);
  timer.unref();
  return {
    advance: (bytes) => transfer.advance(bytes),
    resume: (bytes) => transfer.resume(bytes),
    expect: (totalBytes) => transfer.expect(totalBytes),
    note(line) {
      hide();
      process.stderr.write(`${line}\n`);
    },
    stop() {
      stopped = true;
      clearInterval(timer);
      hide();
    },
  };
}

function open(name: string, total: number | undefined) {
  const bars = new MultiBar({
    stream: process.stderr,
    barCompleteChar: '━',
    barIncompleteChar: '─',
    barsize: 24,
    fps: 1000 / REFRESH_MS,
    linewrap: true, // cuts the line instead of switching off the terminal's wrapping, which a kill would leave off
    clearOnComplete: true,
    gracefulExit: false, // interruption.ts sees to signals
    stopOnComplete: false,
    format: `{name}${total === undefined ? '' : ' {bar} {percentage}%'}  {amount}`,
  });
  return { bars, head: bars.create(total || 1, 0, { name, amount: '' }), servers: [] };
}

function lines(name: string, transfer: Transfer): Progress {
  const timer = setInterval(() => {
    const { amount, servers } = transfer.look();
    process.stderr.write(`${name}: ${amount}\n${servers.map((line) => `${line}\n`).join('')}`);
  }, LINE_INTERVAL_MS);
  timer.unref();
  return {
    advance: (bytes) => transfer.advance(bytes),
    resume: (bytes) => transfer.resume(bytes),
    expect: (totalBytes) => transfer.expect(totalBytes),
    note(line) {
      process.stderr.write(`${line}\n`);
    },
    stop: () => clearInterval(timer),
  };
}
