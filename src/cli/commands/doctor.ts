import { type Command, Option } from 'commander';
import type { DoctorOptions } from '../doctor/doctor.js';

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .summary('look whether this machine is fit for a node')
    .description(
      'Looks whether this machine is fit for a node as configured; exit code 1 if something has to be done first.',
    )
    .option('-c, --config <file>', 'configuration file (default: murky-config.json here, if there is one)')
    .addOption(new Option('--json', 'print JSON, for programs'))
    .action(async (options: DoctorOptions) => {
      const { doctor } = await import('../doctor/doctor.js');
      await doctor(options);
    });
}
