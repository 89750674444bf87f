import type { Command } from 'commander';
import { interruptible } from '../interruption.js';

export function addDemo(program: Command): void {
  program
    .command('demo')
    .summary('see what it is good for, in half a minute')
    .description(
      'Starts three nodes on this machine, stores 32 MiB on one, and fetches it from all of them at once, while each ' +
        'drops 5 % of its packets and one is killed half-way. Leaves nothing behind.',
    )
    .action(async () => {
      const { demo } = await import('../demo/demo.js');
      await interruptible(demo);
    });
}
