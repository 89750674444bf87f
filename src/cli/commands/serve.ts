import { type Command, Option } from 'commander';
import { configFlags } from '../../config/schema.js';
import { LOG_LEVELS } from '../serve/levels.js';
import type { ServeOptions } from '../serve/serve.js';

export function addServe(program: Command): void {
  const command = program
    .command('serve')
    .summary('run a node')
    .description('Runs a node until SIGTERM or SIGINT. Every key of the configuration is also a flag.')
    .option('-c, --config <file>', 'configuration file (default: murky-config.json here, if there is one)')
    .addOption(
      new Option('--log-level <level>', 'what is logged, on standard error').choices(LOG_LEVELS).default('info'),
    );
  for (const { flags, about } of configFlags()) command.option(flags, about);
  command.action(async (options: ServeOptions) => {
    const { serve } = await import('../serve/serve.js');
    await serve(options);
  });
}
