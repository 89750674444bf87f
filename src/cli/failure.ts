import { MurkyError } from '../errors.js';
import { coloursFor } from './terminal/colours.js';

/** A signal or a closed standard output ended the command: there is nothing to say of it. */
export class Interrupted extends Error {}

/** Any thrown thing as a MurkyError: what was not foreseen becomes MURKY_INTERNAL with the first line of its message. */
export function asMurkyError(error: unknown): MurkyError {
  if (error instanceof MurkyError) return error;
  const text = (error instanceof Error ? error.message : String(error)).split('\n')[0];
  return new MurkyError('MURKY_INTERNAL', `Something went wrong that should not: ${text || 'no reason was given'}.`, {
    cause: error,
  });
}

/**
 * Writes a failure to standard error: one sentence and perhaps a hint for a person, one JSON object
 * (`code`, `detail`, `hint`, `facts`) for a program that asked with --json. Returns the exit code.
 */
export function reportFailure(error: unknown): number {
  const failure = asMurkyError(error);
  if (process.argv.includes('--json')) {
    const { code, message: detail, hint, facts } = failure;
    process.stderr.write(`${JSON.stringify({ code, detail, hint, facts })}\n`);
  } else {
    const { red, dim } = coloursFor(process.stderr);
    process.stderr.write(`${red('murky:')} ${failure.message}\n`);
    if (failure.hint) process.stderr.write(`${dim('hint:')} ${failure.hint}\n`);
  }
  return failure.exitCode;
}
