import { constants } from 'node:os';
import { loadConfig } from '../../config/load.js';
import { MurkyError } from '../../errors.js';
import { startGateway } from '../../gateway/server.js';
import { MurkyNode } from '../../node/murky-node.js';
import { formatAddress } from '../../rain/address.js';
import type { Log } from '../../seam/log.js';
import { asMurkyError, reportFailure } from '../failure.js';
import { onHangup } from './hangup.js';
import type { LogLevel } from './levels.js';
import { openLog } from './log.js';

/** From the signal to the end. Longer than what the gateway and the node give running requests. */
const DRAIN_LIMIT_MS = 20_000;

const INSECURE =
  'cluster.insecure is set: this node speaks in clear, and everybody on the way can read and forge what it sends. ' +
  'Make a key with "murky keygen" and name it as cluster.key-file.';

export interface ServeOptions extends Readonly<Record<string, unknown>> {
  readonly config?: string;
  readonly logLevel: LogLevel;
}

/** Runs a node until it is asked to stop. The options are those of the configuration too, as commander names them. */
export async function serve(options: ServeOptions): Promise<void> {
  const stop = stopRequest();
  // Who reads the ready line may go away after it; the node does not.
  process.stdout.on('error', () => {});
  try {
    await run(options, stop);
  } finally {
    if (process.connected) process.disconnect();
  }
}

async function run(options: ServeOptions, stop: Promise<string>): Promise<void> {
  const { log, limit } = openLog(options.logLevel);
  const { config, file } = loadConfig({ file: options.config, flags: options });
  limit.linesPerSecond = config.log.maxLinesPerSecond;
  if (config.cluster.insecure) log.warn({}, INSECURE);
  if (file === null) log.info({ data: config.dataDir }, 'There is no configuration file here; the defaults hold.');
  else log.info({ data: config.dataDir, file }, 'The configuration is read.');
  const node = await MurkyNode.start(config, { log });
  try {
    onHangup(() => reloadKeys(node, config.cluster.keyFile, log));
    const gateway = await startGateway(node, config.http, log);
    const { rain } = await node.status();
    process.stdout.write(`murky: ready http=${gateway.url} rain=${formatAddress(rain)} node=${node.id}\n`);
    log.info({}, `Store something: curl -T FILE ${gateway.url}/objects/NAME`);
    log.info({ reason: await stop }, 'Stopping: what runs may end, nothing new is taken.');
    await gateway.close();
    await node.close();
  } finally {
    await node.close();
  }
}

/** On a mistake in the file the node goes on as before. */
function reloadKeys(node: MurkyNode, keyFile: string | null, log: Log): void {
  if (keyFile === null) {
    log.warn({}, 'SIGHUP: there is no cluster.key-file that could be read again.');
    return;
  }
  node.reloadClusterKeys().catch((error: unknown) => {
    const { code, message } = asMurkyError(error);
    log.error({ code }, `${message} The keys stay as they were.`);
  });
}

/**
 * Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. A parent that holds a channel to
 * this process (child_process with 'ipc') takes it along when it goes.
 */
function stopRequest(): Promise<string> {
  return new Promise((resolve) => {
    let stopping = false;
    const begin = (reason: string) => {
      stopping = true;
      resolve(reason);
      const tooLate = () => {
        const sentence = `The node did not stop in ${DRAIN_LIMIT_MS / 1000} s and is cut off; what was acknowledged is safe.`;
        process.exit(reportFailure(new MurkyError('MURKY_TIMEOUT', sentence)));
      };
      setTimeout(tooLate, DRAIN_LIMIT_MS).unref();
    };
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => {
        if (stopping) process.exit(128 + constants.signals[name]);
        begin(name);
      });
    }
    const onParentGone = () => {
      if (!stopping) begin('the parent process has gone');
    };
    process.once('disconnect', onParentGone);
    if (process.connected === false) onParentGone(); // while the modules were loaded; undefined where there is no channel
  });
}
