import type { IncomingMessage } from 'node:http';
import { ERROR_CODES, type ErrorCode, isMurkyError, MurkyError } from '../../errors.js';
import type { DrainStatus } from '../../node/contract.js';
import { printable } from '../terminal/output.js';

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'the connection was refused',
  ENOTFOUND: 'the name is not known',
  EAI_AGAIN: 'the name could not be looked up',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to the network',
  ETIMEDOUT: 'the connection timed out',
};

/** No connection came about. */
export function unreachable(url: URL, error: unknown): MurkyError {
  if (isMurkyError(error)) return error;
  const code = String((error as NodeJS.ErrnoException).code);
  const reason = REASONS[code] ?? printable((error as Error).message || code);
  return new MurkyError('MURKY_NODE_UNREACHABLE', `No node answers at ${url.origin}: ${reason}.`, {
    hint: 'Start one with: murky serve',
    cause: error,
  });
}

/** The connection ended before the answer did. */
export function brokenOff(url: URL, error: unknown): MurkyError {
  if (isMurkyError(error)) return error;
  return new MurkyError('MURKY_NODE_UNREACHABLE', `The node at ${url.origin} broke off the connection.`, {
    hint: 'Its log says why; then try again.',
    cause: error,
  });
}

export function badAnswer(url: URL, what: string): MurkyError {
  return new MurkyError('MURKY_BAD_MESSAGE', `What listens at ${url.origin} does not speak as a node: ${what}.`, {
    hint: 'Name another with --node.',
  });
}

/** The error that a problem document (RFC 9457) tells; `body` is the text of the answer. */
export function problemError(url: URL, answer: IncomingMessage, body: string): MurkyError {
  const problem = parse(answer, body);
  if (!problem) return badAnswer(url, `it answered with status ${answer.statusCode} and no problem document`);
  const detail = problem.detail ?? problem.title ?? `The node answered with status ${answer.statusCode}.`;
  return new MurkyError(knownCode(problem.code, answer.statusCode!), printable(detail), {
    ...(problem.hint ? { hint: printable(problem.hint) } : {}),
    facts: { status: answer.statusCode },
  });
}

/** What a node tells in an answer of why it does not get on. */
export function heldUpError({ code, detail, hint }: NonNullable<DrainStatus['heldUp']>): MurkyError {
  const options = hint ? { hint: printable(hint) } : {};
  return new MurkyError(knownCode(code, 503), printable(detail), options);
}

function parse(answer: IncomingMessage, body: string): Record<string, string | undefined> | undefined {
  if (!/^application\/problem\+json\b/.test(answer.headers['content-type'] ?? '')) return undefined;
  try {
    const problem: unknown = JSON.parse(body);
    if (typeof problem !== 'object' || problem === null) return undefined;
    return Object.fromEntries(Object.entries(problem).filter(([, value]) => typeof value === 'string'));
  } catch {
    return undefined;
  }
}

/** A newer node may have codes that are not known here: the nearest known one keeps the exit code right. */
function knownCode(code: string | undefined, status: number): ErrorCode {
  if (code !== undefined && Object.hasOwn(ERROR_CODES, code)) return code as ErrorCode;
  if (status === 404) return 'MURKY_NOT_FOUND';
  if (status === 401 || status === 403) return 'MURKY_UNAUTHORIZED';
  return status < 500 ? 'MURKY_BAD_REQUEST' : 'MURKY_INTERNAL';
}
