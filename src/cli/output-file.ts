import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MurkyError } from '../errors.js';

/**
 * Writes `body` to `path` so that the file is there whole or not at all: into a file beside it, which takes its name
 * when the last byte is on the disk and `accept` has not thrown. What is no regular file (a device, a pipe) is written
 * to as it is.
 */
export async function writeFileWhole(path: string, body: AsyncIterable<Uint8Array>, accept: () => void): Promise<void> {
  const { target, there } = await targetOf(path);
  if (there && !there.isFile()) {
    const file = await open(target, 'w').catch((error) => Promise.reject(fileError(path, 'write', error)));
    await fill(file, path, body);
    accept();
    return;
  }
  const beside = join(dirname(target), `.${basename(target).slice(0, 100)}.${randomBytes(6).toString('hex')}.part`);
  const file = await open(beside, 'wx', there?.mode ?? 0o666).catch((error) =>
    Promise.reject(fileError(path, 'write', error)),
  );
  try {
    await fill(file, path, body);
    accept();
    await rename(beside, target).catch((error) => Promise.reject(fileError(path, 'write', error)));
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/** The file that a path leads to, and what is there; MURKY_FILE_UNUSABLE for a folder. */
export async function targetOf(path: string): Promise<{ readonly target: string; readonly there: Stats | undefined }> {
  const target = await realpath(path).catch(() => path);
  const there = await stat(target).catch(() => undefined);
  if (there?.isDirectory()) {
    throw new MurkyError('MURKY_FILE_UNUSABLE', `"${path}" is a folder; a file name is needed.`);
  }
  return { target, there };
}

/** What was written is on the disk when it resolves. `path` is as errors call it. */
export async function syncFile(file: FileHandle, path: string): Promise<void> {
  // A pipe or a terminal cannot be synced, and need not be.
  await file.datasync().catch((error) => {
    if (error.code !== 'EINVAL' && error.code !== 'ENOTSUP') throw fileError(path, 'write', error);
  });
}

/** A file system error as one sentence. */
export function fileError(path: string, verb: 'read' | 'write', error: unknown): MurkyError {
  const reasons: Record<string, string> = {
    ENOENT: verb === 'read' ? 'there is no such file' : 'there is no such folder',
    EACCES: 'permission is denied',
    EPERM: 'it is not permitted',
    EISDIR: 'it is a folder',
    ENOTDIR: 'a part of the path is no folder',
    EEXIST: 'it is there already',
    ENOSPC: 'the disk is full',
    EROFS: 'the file system is read-only',
    ENAMETOOLONG: 'the name is too long',
  };
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const reason = reasons[code] ?? (code || (error as Error).message);
  return new MurkyError('MURKY_FILE_UNUSABLE', `Cannot ${verb} "${path}": ${reason}.`, { cause: error });
}

async function fill(file: FileHandle, path: string, body: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const chunk of body) {
      await file.writeFile(chunk).catch((error) => Promise.reject(fileError(path, 'write', error)));
    }
    await syncFile(file, path);
  } finally {
    await file.close();
  }
}
