import type { Command } from 'commander';
import { nodeClient } from '../http/node-address.js';
import type { ListEntry } from '../http/node-client.js';
import { interruptible } from '../interruption.js';
import { jsonOption, type NodeOptions, nodeOption, timeoutOption, tokenFileOption } from '../options.js';
import { print, printable } from '../terminal/output.js';
import { bytesText } from '../terminal/quantity.js';
import { timeText } from '../version-time.js';

interface LsOptions extends NodeOptions {
  readonly json?: true;
  readonly long?: true;
}

export function addLs(program: Command): void {
  program
    .command('ls')
    .summary('list the objects that a node holds')
    .description('Lists the objects that the node itself holds, in key order.')
    .argument('[prefix]', 'only keys that begin so', '')
    .option('-l, --long', 'size, time of writing and media type too')
    .addOption(nodeOption())
    .addOption(tokenFileOption())
    .addOption(timeoutOption(60))
    .addOption(jsonOption())
    .action((prefix: string, options: LsOptions) => interruptible((signal) => ls(prefix, options, signal)));
}

/** Entry by entry, so that a million of them need no memory; with --json one array, an entry a line. */
async function ls(prefix: string, options: LsOptions, signal: AbortSignal): Promise<void> {
  const client = await nodeClient(options, signal);
  let before = '[\n';
  for await (const entry of client.list(prefix)) {
    if (options.json) {
      await print(before + JSON.stringify(entry), signal);
      before = ',\n';
    } else {
      await print(`${options.long ? longLine(entry) : printable(entry.key)}\n`, signal);
    }
  }
  if (options.json) await print(before === '[\n' ? '[]\n' : '\n]\n', signal);
}

/** Columns of fixed width, since the widest entry is known only at the end. */
function longLine(entry: ListEntry): string {
  const size = bytesText(entry.size).padStart(10);
  return `${size}  ${timeText(entry.version)}  ${printable(entry.contentType ?? '-').padEnd(24)}  ${printable(entry.key)}`;
}
