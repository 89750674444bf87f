import { Command, CommanderError } from 'commander';
import { MurkyError } from '../errors.js';
import { addDemo } from './commands/demo.js';
import { addDoctor } from './commands/doctor.js';
import { addDrain } from './commands/drain.js';
import { addExport } from './commands/export.js';
import { addFetch } from './commands/fetch.js';
import { addGet } from './commands/get.js';
import { addImport } from './commands/import.js';
import { addKeygen } from './commands/keygen.js';
import { addLs } from './commands/ls.js';
import { addPeers } from './commands/peers.js';
import { addPut } from './commands/put.js';
import { addRepair } from './commands/repair.js';
import { addRm } from './commands/rm.js';
import { addServe } from './commands/serve.js';
import { addStatus } from './commands/status.js';
import { addVerify } from './commands/verify.js';
import { addVersions } from './commands/versions.js';
import { reportFailure } from './failure.js';
import { packageVersion } from './package-version.js';

const EXAMPLES = `
Examples:
  murky serve                        start a node in this folder
  murky put photo.jpg photo.jpg      store a file
  murky get photo.jpg -o copy.jpg    bring it back
  murky demo                         see what it is good for

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such object.`;

const COMMANDS = [
  addServe,
  addPut,
  addGet,
  addRm,
  addLs,
  addVersions,
  addStatus,
  addExport,
  addImport,
  addVerify,
  addRepair,
  addPeers,
  addDrain,
  addFetch,
  addKeygen,
  addDoctor,
  addDemo,
];

/** Parses the command line and runs the command; resolves with the exit code once all is said. */
export async function run(argv: readonly string[]): Promise<number> {
  const program = new Command('murky')
    .description('A replicated object store for bad networks.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpCommand('help [command]', 'show the help of a command')
    .helpOption('-h, --help', 'show this help')
    .enablePositionalOptions() // --version behind a command is that command's
    .configureOutput({ outputError: () => {} }) // reportFailure says it, in the form of every other failure
    .configureHelp({ showGlobalOptions: false })
    .addHelpText('after', EXAMPLES)
    .exitOverride();
  for (const add of COMMANDS) add(program);
  try {
    await program.parseAsync(argv);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return error instanceof CommanderError ? usageFailure(error, argv) : reportFailure(error);
  }
}

/** Commander throws for --help and --version too, with exit code 0. */
function usageFailure(error: CommanderError, argv: readonly string[]): number {
  if (error.exitCode === 0) return 0;
  if (error.code === 'commander.help') return 2; // murky alone: the help has been shown
  const sentence = error.message
    .replace(/^error: /, '')
    .replace(/\n/g, ' ')
    .trim();
  const command = argv[2] && !argv[2].startsWith('-') && error.code !== 'commander.unknownCommand' ? ` ${argv[2]}` : '';
  return reportFailure(
    new MurkyError('MURKY_BAD_USAGE', /[.?)]$/.test(sentence) ? upperFirst(sentence) : `${upperFirst(sentence)}.`, {
      hint: `See: murky${command} --help`,
    }),
  );
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
