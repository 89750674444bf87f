import { copyFile, mkdir, mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isMurkyError, MurkyError } from '../errors.js';
import { LevelTable } from './level-table.js';
import type { Table, TableMirror } from './table.js';

/** Tables never change once they are written; LevelDB only ever removes them, and here that removes the link. */
const TABLE = /\.(ldb|sst)$/;
const OWN = /^(LOCK|LOG|LOG\.old)$/;

/**
 * A LevelDB for reading alone. LevelDB cannot open its files without changing them, so it is given a folder of its own,
 * in the system's folder for temporary files: links to the tables, and copies of the rest (at most a few MiB). The real
 * lock is held until `close`. MURKY_DATA_DIR_LOCKED if another process runs a node on it; locks are those of processes
 * (fcntl), so the caller's own must not.
 */
export async function mirrorLevelTable(index: string): Promise<TableMirror> {
  const scratch = await mkdtemp(join(tmpdir(), 'murky-verify-'));
  const opened: Table[] = [];
  const close = async () => {
    for (const table of opened) await table.close();
    await rm(scratch, { recursive: true, force: true });
  };
  try {
    const lock = join(scratch, 'lock');
    await mkdir(lock);
    if (await exists(join(index, 'LOCK'))) await symlink(join(index, 'LOCK'), join(lock, 'LOCK'));
    opened.push(await LevelTable.open(lock, 'new').catch((error) => refuseLocked(error, dirname(index))));
    const mirror = join(scratch, 'index');
    await mkdir(mirror);
    for (const name of await readdir(index).catch(() => [])) {
      if (TABLE.test(name)) await symlink(join(index, name), join(mirror, name));
      else if (!OWN.test(name) && (await stat(join(index, name))).isFile()) {
        await copyFile(join(index, name), join(mirror, name));
      }
    }
    const table = await LevelTable.open(mirror, 'existing').catch(({ code, message, hint, facts }: MurkyError) => {
      const options = { ...(hint !== undefined && { hint }), facts: { ...facts, folder: index } };
      return new MurkyError(code, message.replaceAll(mirror, index), options);
    });
    if (!(table instanceof MurkyError)) opened.push(table);
    return { table, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function refuseLocked(error: unknown, folder: string): never {
  if (!isMurkyError(error, 'MURKY_DATA_DIR_LOCKED')) throw error;
  throw new MurkyError('MURKY_DATA_DIR_LOCKED', `A node is running on the folder ${folder}.`, {
    hint: 'Stop the node first; while it runs it reads all of its blocks by itself, see: murky status',
    facts: { folder },
  });
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
