import { join } from 'node:path';
import { MurkyError } from '../errors.js';
import type { Disk } from './disk.js';
import { formatKey } from './index-keys.js';
import type { Table, TableChange } from './table.js';

/** The layout that docs/disk-format.md describes. */
export const FORMAT = 4;
const FORMAT_NAME = 'murky-waters store';

/** The format of the folder, which is given this one if it is new; MURKY_DATA_DIR_UNUSABLE if it is not a node's. */
export async function readFormat(index: Table, folder: string, disk: Disk): Promise<number> {
  const format = await formatOf(index, folder);
  if (format !== undefined) return format;
  // As a new folder it would lose the blocks that are here.
  const blocks = [join(folder, 'segments'), join(folder, 'blocks')].map((path) =>
    disk.files.list(path).catch(() => []),
  );
  if ((await Promise.all(blocks)).some((names) => names.length > 0)) {
    throw new MurkyError('MURKY_DATA_DIR_UNUSABLE', `Of what the folder ${folder} held only blocks are left.`, {
      hint: 'Put back its index or its journal, or give the node an empty folder, which the other owners fill.',
      facts: { folder },
    });
  }
  await index.batch([formatRecord(FORMAT)], true);
  return FORMAT;
}

/** Undefined for an index that is empty; MURKY_DATA_DIR_UNUSABLE if it is not a node's, or of a newer one. */
export async function formatOf(index: Table, folder: string): Promise<number | undefined> {
  const found = await index.get(formatKey());
  if (found) {
    const { name, format } = parseFormat(found);
    if (name === FORMAT_NAME && format >= 1 && format <= FORMAT) return format;
    if (name === FORMAT_NAME && format > FORMAT) {
      throw new MurkyError(
        'MURKY_DATA_DIR_UNUSABLE',
        `The folder ${folder} was written by a newer Murky Waters: its format is ${format}, this one knows ${FORMAT}.`,
        { hint: 'Run the newer version, or give this node another folder (data-dir).', facts: { folder, format } },
      );
    }
  }
  if (!found && (await index.keys({ gte: Buffer.alloc(0), limit: 1 })).length === 0) return undefined;
  throw new MurkyError('MURKY_DATA_DIR_UNUSABLE', `The folder ${folder} holds a database, but not one of a node.`, {
    hint: 'Give the node another folder (data-dir).',
    facts: { folder },
  });
}

/** Makes the folder one of that format. */
export function formatRecord(format: number): TableChange {
  return { type: 'put', key: formatKey(), value: Buffer.from(`${FORMAT_NAME} ${format}`) };
}

function parseFormat(value: Buffer): { name: string; format: number } {
  const text = value.toString('latin1');
  const at = text.lastIndexOf(' ');
  return { name: text.slice(0, at), format: Number(text.slice(at + 1)) };
}
