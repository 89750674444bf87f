import { constants } from 'node:os';
import { loadConfig } from '../../config/load.js';
import { startGateway } from '../../gateway/server.js';
import { MurkyNode } from '../../node/murky-node.js';
import { formatAddress } from '../../rain/address.js';
import type { LogLevel } from './levels.js';
import { openLog } from './log.js';

/** Longer than what the gateway and the node give running requests to end. */
const DRAIN_LIMIT_MS = 30_000;

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
  const log = openLog(options.logLevel);
  const { config } = loadConfig({ file: options.config, flags: options });
  if (config.cluster.insecure) log.warn({}, INSECURE);
  const node = await MurkyNode.start(config, { log });
  try {
    const gateway = await startGateway(node, config.http, log);
    const { rain } = await node.status();
    process.stdout.write(`murky: ready http=${gateway.url} rain=${formatAddress(rain)} node=${node.id}\n`);
    log.info({ reason: await stop }, 'Stopping: what runs may end, nothing new is taken.');
    const limit = setTimeout(() => {
      log.error({ seconds: DRAIN_LIMIT_MS / 1000 }, 'The node did not stop in time and is cut off.');
      process.exit(1);
    }, DRAIN_LIMIT_MS);
    await gateway.close();
    await node.close();
    clearTimeout(limit);
  } finally {
    await node.close();
  }
}

/**
 * Resolves at the first SIGTERM or SIGINT; a second one ends the process at once. A parent that holds a channel to
 * this process (child_process with 'ipc') takes it along when it goes.
 */
function stopRequest(): Promise<string> {
  return new Promise((resolve) => {
    let stopping = false;
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => {
        if (stopping) process.exit(128 + constants.signals[name]);
        stopping = true;
        resolve(name);
      });
    }
    process.once('disconnect', () => {
      stopping = true;
      resolve('the parent process has gone');
    });
  });
}
