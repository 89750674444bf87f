import { reportFailure } from './failure.js';
import { fileError } from './output-file.js';
import { run } from './program.js';

// A failure nobody waits for must still end in one sentence and exit code 1.
const fatal = (error: unknown) => {
  reportFailure(error);
  process.exit(1);
};
process.on('uncaughtException', fatal);
process.on('unhandledRejection', fatal);

// A reader that goes away ends a command quietly; one with something to tidy up sees to it itself (interruption.ts).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (process.stdout.listenerCount('error') > 1) return;
  if (error.code === 'EPIPE') process.exit(0);
  fatal(fileError('standard output', 'write', error));
});
process.stderr.on('error', () => {}); // nobody is left to be told

process.exitCode = await run(process.argv);
