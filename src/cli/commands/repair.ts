import type { Command } from 'commander';
import { interruptible } from '../interruption.js';
import type { FolderOptions } from '../offline/folder.js';
import { jsonOption, quietOption } from '../options.js';

export function addRepair(program: Command): void {
  program
    .command('repair')
    .summary("mend a stopped node's folder")
    .description(
      "Mends in a stopped node's folder what can be mended without other nodes, and tells what is left. " +
        'It never removes an object.',
    )
    .argument('[folder]', "the node's data folder (default: data-dir of the configuration here)")
    .option('-c, --config <file>', 'configuration file (default: murky-config.json here, if there is one)')
    .addOption(jsonOption())
    .addOption(quietOption())
    .action((folder: string | undefined, options: FolderOptions) =>
      interruptible(async (signal) => {
        const { repair } = await import('../offline/repair.js');
        await repair(folder, options, signal);
      }),
    );
}
