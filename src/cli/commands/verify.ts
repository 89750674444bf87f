import type { Command } from 'commander';
import { interruptible } from '../interruption.js';
import type { FolderOptions } from '../offline/folder.js';
import { jsonOption, quietOption } from '../options.js';

export function addVerify(program: Command): void {
  program
    .command('verify')
    .summary("read everything in a stopped node's folder")
    .description("Reads everything in a stopped node's folder and tells what is damaged; it changes nothing.")
    .argument('[folder]', "the node's data folder (default: data-dir of the configuration here)")
    .option('-c, --config <file>', 'configuration file (default: murky-config.json here, if there is one)')
    .addOption(jsonOption())
    .addOption(quietOption())
    .action((folder: string | undefined, options: FolderOptions) =>
      interruptible(async (signal) => {
        const { verify } = await import('../offline/verify.js');
        await verify(folder, options, signal);
      }),
    );
}
