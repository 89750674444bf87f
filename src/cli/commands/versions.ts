import type { Command } from 'commander';
import { checkKey } from '../../object/key.js';
import { nodeClient } from '../http/node-address.js';
import type { VersionEntry } from '../http/node-client.js';
import { interruptible } from '../interruption.js';
import { jsonOption, type NodeOptions, nodeOption, timeoutOption, tokenFileOption } from '../options.js';
import { coloursFor } from '../terminal/colours.js';
import { print, printable, printJson } from '../terminal/output.js';
import { bytesText } from '../terminal/quantity.js';
import { table } from '../terminal/table.js';
import { timeText } from '../version-time.js';

const colours = coloursFor(process.stdout);

interface VersionsOptions extends NodeOptions {
  readonly json?: true;
}

export function addVersions(program: Command): void {
  program
    .command('versions')
    .summary('list the versions of an object that a node keeps')
    .description('Lists the versions of an object that the node itself keeps, deletions too, the newest first.')
    .argument('<key>', 'name of the object')
    .addOption(nodeOption())
    .addOption(tokenFileOption())
    .addOption(timeoutOption(60))
    .addOption(jsonOption())
    .action((key: string, options: VersionsOptions) => interruptible((signal) => versions(key, options, signal)));
}

async function versions(key: string, options: VersionsOptions, signal: AbortSignal): Promise<void> {
  checkKey(key);
  const client = await nodeClient(options, signal);
  const all = await client.versions(key);
  if (options.json) await printJson({ key, versions: all });
  else await print(table([['version', 'written', 'size', ''].map(colours.dim), ...all.map(row)], [2]));
}

function row({ version, deleted, size }: VersionEntry, place: number): string[] {
  const what = [...(place === 0 ? ['current'] : []), ...(deleted ? ['a deletion'] : [])];
  return [printable(version), timeText(version), deleted ? '-' : bytesText(size), what.join(', ')];
}
