import { accessSync, constants, existsSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { MurkyConfig } from '../../config/contract.js';
import { bytesText } from '../terminal/quantity.js';
import type { Check } from './check.js';

/** LevelDB keeps up to 1000 files open, and there are the connections. */
const WANTED_OPEN_FILES = 4096;
const LEAST_FREE_BYTES = 64 * 2 ** 20;

/** The limit of open files, where the system tells it. */
export function fileLimitChecks(): Check[] {
  const line = existsSync('/proc/self/limits')
    ? /^Max open files +(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
    : null;
  if (!line) return [];
  const limit = line[1] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(line[1]);
  const found = `${line[1]} open files`;
  if (limit >= WANTED_OPEN_FILES) return [{ name: 'file limit', state: 'ok', found }];
  return [{ name: 'file limit', state: 'warn', found, advice: `Raise it: ulimit -n ${WANTED_OPEN_FILES}` }];
}

/** Whether the data folder can be written, and how much room its disk has. */
export function dataFolderChecks(config: MurkyConfig): Check[] {
  const { dataDir } = config;
  let there = dataDir;
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there);
  try {
    if (!statSync(there).isDirectory()) {
      return [
        { name: 'data folder', state: 'fail', found: `${there} is no folder`, advice: 'Set data-dir to another.' },
      ];
    }
    accessSync(there, constants.W_OK | constants.X_OK);
  } catch {
    const advice = 'Give this user the right to write there, or set data-dir to another folder.';
    return [{ name: 'data folder', state: 'fail', found: `${there} cannot be written`, advice }];
  }
  const found = there === dataDir ? `${dataDir} can be written` : `${dataDir} can be made`;
  const { bavail, bsize } = statfsSync(there);
  const used = there === dataDir ? bytesIn(dataDir) : 0;
  return [{ name: 'data folder', state: 'ok', found }, diskSpace(bavail * bsize, used, config.cache.maxBytes)];
}

/** What the files in a folder take; 0 where that cannot be told. */
function bytesIn(folder: string): number {
  try {
    const sizes = readdirSync(folder, { recursive: true }).map((name) => statSync(join(folder, String(name))).size);
    return sizes.reduce((sum, size) => sum + size, 0);
  } catch {
    return 0;
  }
}

/** `used` bytes of the budget are on the disk already, and not among those that are free. */
export function diskSpace(free: number, used: number, maxBytes: number): Check {
  const found = `${bytesText(free)} free, budget ${bytesText(maxBytes)}${used > 0 ? `, ${bytesText(used)} of it used` : ''}`;
  if (free < LEAST_FREE_BYTES) {
    return { name: 'disk space', state: 'fail', found, advice: 'Make room, or set data-dir to another disk.' };
  }
  if (free + used >= maxBytes) return { name: 'disk space', state: 'ok', found };
  return {
    name: 'disk space',
    state: 'warn',
    found,
    advice:
      'Set cache.max-bytes below what is free and used together, so that the budget and not the disk is the limit.',
  };
}
