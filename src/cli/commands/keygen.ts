import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Command } from 'commander';
import { MurkyError } from '../../errors.js';
import { fileError } from '../output-file.js';
import { print } from '../terminal/output.js';

const KEY_BYTES = 32;

export function addKeygen(program: Command): void {
  program
    .command('keygen')
    .summary('make a cluster key')
    .description('Makes a cluster key: 64 hexadecimal digits, 32 random bytes.')
    .option('-o, --output <file>', 'write it to this new file, which only you can read')
    .action((options: { output?: string }) => keygen(options.output));
}

async function keygen(path: string | undefined): Promise<void> {
  const key = `${randomBytes(KEY_BYTES).toString('hex')}\n`;
  if (path === undefined || path === '-') return print(key);
  const file = await open(path, 'wx', 0o600).catch((error) => {
    if (error.code !== 'EEXIST') throw fileError(path, 'write', error);
    throw new MurkyError('MURKY_FILE_UNUSABLE', `"${path}" is there already, and a key is never overwritten.`, {
      hint: 'Name another file, or remove this one if no node needs it any more.',
    });
  });
  try {
    await file.writeFile(key);
    await file.sync();
  } catch (error) {
    throw fileError(path, 'write', error);
  } finally {
    await file.close();
  }
}
