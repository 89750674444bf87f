import type { Command } from 'commander';
import { checkKey } from '../../object/key.js';
import { nodeClient } from '../http/node-address.js';
import { interruptible } from '../interruption.js';
import {
  type ConditionOptions,
  conditionHeaders,
  ifMatchOption,
  ifNoneMatchOption,
  jsonOption,
  type NodeOptions,
  nodeOption,
  quietOption,
  type ReportOptions,
  timeoutOption,
  tokenFileOption,
} from '../options.js';
import { print, printable, printJson } from '../terminal/output.js';

type RmOptions = NodeOptions & ReportOptions & ConditionOptions;

export function addRm(program: Command): void {
  program
    .command('rm')
    .summary('delete an object')
    .description('Deletes an object on every node; exit code 3 if there is none.')
    .argument('<key>', 'name of the object')
    .addOption(ifMatchOption())
    .addOption(ifNoneMatchOption())
    .addOption(nodeOption())
    .addOption(tokenFileOption())
    .addOption(timeoutOption(60))
    .addOption(jsonOption())
    .addOption(quietOption())
    .action((key: string, options: RmOptions) => interruptible((signal) => rm(key, options, signal)));
}

async function rm(key: string, options: RmOptions, signal: AbortSignal): Promise<void> {
  checkKey(key);
  const client = await nodeClient(options, signal);
  const { version, durable, owners, quorum, overtaken } = await client.remove(key, conditionHeaders(options));
  if (options.json) await printJson({ key, version, durable, owners, quorum, overtaken });
  else if (!options.quiet) await print(`${printable(key)}: deleted\n`);
}
