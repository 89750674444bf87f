import { constants } from 'node:os';
import { Interrupted } from './failure.js';
import { fileError } from './output-file.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs a command that has something to tidy up. SIGINT, SIGTERM, SIGHUP and a reader that closed our standard output
 * abort `signal`; when `run` has tidied up, the process dies of the signal as if it had never been caught (a closed
 * output ends it with 0). A second signal ends it at once.
 */
export async function interruptible(run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  let caught: (typeof SIGNALS)[number] | 'EPIPE' | undefined;
  const onSignal = (name: (typeof SIGNALS)[number]) => {
    if (caught) process.exit(128 + constants.signals[name]);
    caught = name;
    controller.abort(new Interrupted(name));
  };
  const onOutputError = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      controller.abort(fileError('standard output', 'write', error));
      return;
    }
    caught ??= 'EPIPE';
    controller.abort(new Interrupted('EPIPE'));
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  process.stdout.on('error', onOutputError);
  try {
    await run(controller.signal);
  } catch (error) {
    if (!caught) throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    for (const name of SIGNALS) process.removeListener(name, onSignal);
  }
  if (caught && caught !== 'EPIPE') {
    process.exitCode = 128 + constants.signals[caught]; // for a process that its signals do not kill, as pid 1
    process.kill(process.pid, caught);
  }
}
