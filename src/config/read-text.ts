import { readFileSync } from 'node:fs';

/**
 * A text file whole; undefined if there is none. What stands in the way of reading comes back as `mistake`, which
 * completes "FILE …".
 */
export function readText(path: string, maxBytes: number): { text: string } | { mistake: string } | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'EISDIR') return { mistake: 'is a folder, not a file' };
    if (code === 'EACCES' || code === 'EPERM') return { mistake: 'may not be read by this user' };
    return { mistake: `cannot be read (${code ?? 'unknown reason'})` };
  }
  if (bytes.length > maxBytes) return { mistake: `has ${bytes.length} bytes; at most ${maxBytes} are allowed` };
  const text = bytes.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(bytes)) return { mistake: 'is not UTF-8 text' };
  return { text };
}
