import { type Command, Option } from 'commander';
import { parseAddress } from '../../rain/address.js';
import type { FetchOptions } from '../fetch/fetch.js';
import { interruptible } from '../interruption.js';
import { continueOption, jsonOption, quietOption, timeoutOption } from '../options.js';

export function addFetch(program: Command): void {
  const servers = new Option('-s, --servers <list>', 'host:port of the servers to fetch from, with commas between')
    .argParser((list: string) => list.split(',').map((one) => parseAddress(one.trim())))
    .makeOptionMandatory();
  program
    .command('fetch')
    .summary('fetch an object straight from servers, without a node')
    .description(
      'Fetches an object over Pouring Rain from all servers at once, verified. With --json and no -o it is only measured.',
    )
    .argument('<key>', 'name of the object')
    .addOption(servers)
    .option('--key-file <file>', 'cluster key (default: the one of the configuration here)')
    .option('--insecure', 'speak in clear with other machines, without a key')
    .option('-o, --output <file>', 'write to this file; it appears whole or not at all')
    .addOption(continueOption())
    .option('-f, --force', 'write binary bytes to a terminal')
    .addOption(timeoutOption(30))
    .addOption(jsonOption())
    .addOption(quietOption())
    .action(async (key: string, options: FetchOptions) => {
      const { fetch } = await import('../fetch/fetch.js');
      await interruptible((signal) => fetch(key, options, signal));
    });
}
