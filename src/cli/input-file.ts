import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { MurkyError } from '../errors.js';
import { fileError } from './output-file.js';

const CHUNK_BYTES = 256 * 1024;

/** Something to be read: `bytes` is undefined where the length shows only at the end. */
export interface Input {
  readonly bytes: number | undefined;
  readonly body: Readable;
}

/** Opens the file that a person named; - is standard input. MURKY_FILE_UNUSABLE. */
export async function openInput(path: string): Promise<Input> {
  if (path === '-') return { bytes: undefined, body: process.stdin };
  const file = await open(path, 'r').catch((error) => Promise.reject(fileError(path, 'read', error)));
  const stat = await file.stat();
  if (stat.isDirectory()) {
    await file.close();
    throw new MurkyError('MURKY_FILE_UNUSABLE', `"${path}" is a folder; murky reads single files.`);
  }
  // A file of no bytes may have some: those under /proc do not tell. Its end shows how many.
  const bytes = stat.isFile() && stat.size > 0 ? stat.size : undefined;
  const body = createReadStream(path, {
    fd: file,
    highWaterMark: CHUNK_BYTES,
    // What is appended meanwhile is not part of what was announced.
    ...(bytes === undefined ? {} : { end: bytes - 1 }),
  });
  return { bytes, body };
}
