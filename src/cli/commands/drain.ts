import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { MurkyError } from '../../errors.js';
import type { DrainStatus } from '../../node/contract.js';
import { nodeClient } from '../http/node-address.js';
import type { NodeClient } from '../http/node-client.js';
import { heldUpError } from '../http/node-failure.js';
import { interruptible } from '../interruption.js';
import { jsonOption, type NodeOptions, nodeOption, timeoutOption, tokenFileOption } from '../options.js';
import { print, printable, printJson } from '../terminal/output.js';
import { countText } from '../terminal/quantity.js';

const LOOK_EVERY_MS = 1000;

type DrainOptions = NodeOptions & { readonly json?: true; readonly cancel?: true; readonly wait?: false };

export function addDrain(program: Command): void {
  program
    .command('drain')
    .summary('empty a node, so that it can be taken away')
    .description(
      'Brings everything that a node holds to other nodes, shows how far that is, and returns when the node has left ' +
        'the cluster. Interrupted, or after a restart, the node goes on by itself; the same command watches it again.',
    )
    .option('--cancel', 'end a drain: the node owns its share again')
    .option('--no-wait', 'only begin it')
    .addOption(nodeOption())
    .addOption(tokenFileOption())
    .addOption(timeoutOption(10))
    .addOption(jsonOption())
    .action((options: DrainOptions) => interruptible((signal) => drain(options, signal)));
}

async function drain(options: DrainOptions, signal: AbortSignal): Promise<void> {
  const client = await nodeClient(options, signal);
  if (options.cancel) return say(options, await client.drain('DELETE'));
  const begun = await client.drain('POST');
  await say(options, options.wait === false ? begun : await watch(client, options, begun, signal));
}

/** Shows what is left until nothing is. The node goes on by itself where it is held up for as long as --timeout says. */
async function watch(client: NodeClient, options: DrainOptions, begun: DrainStatus, signal: AbortSignal) {
  let status = begun;
  let said: string | undefined;
  let movedAtMs = performance.now();
  while (status.state === 'draining') {
    if (!status.heldUp) movedAtMs = performance.now();
    else if (performance.now() - movedAtMs >= 1000 * options.timeout) throw heldUpError(status.heldUp);
    const sentence = sentenceFor(status);
    if (!options.json && sentence !== said) await print(`${sentence}\n`);
    said = sentence;
    await sleep(LOOK_EVERY_MS, undefined, { signal });
    status = await client.drain('GET');
  }
  if (status.state === 'off') throw new MurkyError('MURKY_CLOSED', 'The drain was cancelled.');
  return status;
}

async function say(options: DrainOptions, status: DrainStatus): Promise<void> {
  if (options.json) await printJson(status);
  else await print(`${sentenceFor(status)}\n`);
}

function sentenceFor({ state, objectsLeft, heldUp }: DrainStatus): string {
  if (state === 'off') return 'The node owns its share of the objects.';
  if (state === 'drained')
    return 'The node holds nothing that others need. It has left the cluster and can be stopped.';
  if (heldUp) return printable(heldUp.detail);
  if (objectsLeft === null) return 'The node looks through what it holds.';
  return `${countText(objectsLeft, 'object is', 'objects are')} still to come to other nodes.`;
}
