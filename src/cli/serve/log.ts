import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { type Colours, coloursFor } from '../terminal/colours.js';
import { printable } from '../terminal/output.js';
import type { LogLevel } from './levels.js';
import { LineLimit } from './line-limit.js';

/**
 * The log of a node, on standard error: a line of text each on a terminal, a JSON object a line anywhere else. An error
 * is told by its code and sentence, never by its stack.
 */
export function openLog(level: LogLevel): { log: Logger; limit: LineLimit } {
  const onTerminal = process.stderr.isTTY === true;
  const options = {
    level,
    base: null, // process id and host name are known to whoever collects the lines
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: 'message',
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: briefError, error: briefError },
  };
  // Written at once: a line that a crash swallows is the one that was needed.
  const limit = new LineLimit(onTerminal ? humanDestination() : destination({ fd: 2, sync: true }));
  return { log: pino(options, limit), limit };
}

function briefError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code } = error as { code?: unknown };
  return { ...(code === undefined ? {} : { code }), message: error.message };
}

function humanDestination(): DestinationStream {
  return { write: (line) => void process.stderr.write(humanLine(JSON.parse(line), coloursFor(process.stderr))) };
}

/** `12:34:56 warn  One sentence. peer=10.0.0.2:1980` */
export function humanLine(entry: Record<string, unknown>, colours: Colours): string {
  const { time, level, message, ...facts } = entry;
  const clock = new Date(String(time)).toTimeString().slice(0, 8);
  const name = String(level).padEnd(5);
  const tint = level === 'error' ? colours.red : level === 'warn' ? colours.yellow : colours.dim;
  const rest = Object.entries(facts).map(([fact, value]) => `${fact}=${shortText(value)}`);
  const tail = rest.length === 0 ? '' : `  ${colours.dim(rest.join(' '))}`;
  return `${colours.dim(clock)} ${tint(name)} ${printable(String(message ?? ''))}${tail}\n`;
}

function shortText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return printable(String(value));
  const { code, message } = value as { code?: unknown; message?: unknown };
  if (typeof message === 'string') return printable(code === undefined ? message : `${code}: ${message}`);
  return printable(JSON.stringify(value));
}
