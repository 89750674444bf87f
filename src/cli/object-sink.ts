import { MurkyError } from '../errors.js';
import { writeFileWhole } from './output-file.js';
import { PartFile } from './part-file.js';
import { refuseBinary } from './terminal/guard.js';
import { print } from './terminal/output.js';

export interface SinkOptions {
  /** A file; - or nothing is standard output. */
  readonly output?: string | undefined;
  /** Whatever it is, to a terminal too. */
  readonly force?: true | undefined;
}

export function goesToFile(output: string | undefined): output is string {
  return output !== undefined && output !== '-';
}

/**
 * Takes an object's bytes to where the person wants them. `accept` throws if what came is not what was to come: a file
 * then does not appear; what went to standard output cannot be taken back, but the command fails.
 */
export async function deliver(
  body: AsyncIterable<Uint8Array>,
  { output, force }: SinkOptions,
  signal: AbortSignal,
  accept: () => void,
): Promise<void> {
  if (goesToFile(output)) return writeFileWhole(output, body, accept);
  const guarded = process.stdout.isTTY && !force ? refuseBinary(body) : body;
  for await (const chunk of guarded) await print(chunk, signal);
  accept();
}

/** The file to continue, where --continue asks for that; MURKY_BAD_USAGE if there is no file. */
export async function partFor({
  output,
  continue: wanted,
}: {
  output?: string;
  continue?: true;
}): Promise<PartFile | undefined> {
  if (!wanted) return undefined;
  if (goesToFile(output)) return await PartFile.open(output);
  throw new MurkyError('MURKY_BAD_USAGE', 'With --continue the object needs a file to go to.', {
    hint: 'Add -o FILE.',
  });
}

/** MURKY_BLOCK_CORRUPT for an object of the wrong SHA-256, both in hexadecimal. */
export function checkSha256(name: string, expected: string, found: string): void {
  if (expected === found) return;
  throw new MurkyError(
    'MURKY_BLOCK_CORRUPT',
    `What arrived of "${name}" does not have the SHA-256 that was announced.`,
    {
      hint: 'Fetch it again.',
      facts: { expected, found },
    },
  );
}
