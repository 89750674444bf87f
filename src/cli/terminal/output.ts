import { once } from 'node:events';
import { fileError } from '../output-file.js';

/** Writes to standard output and waits while its reader is slow. */
export async function print(text: string | Uint8Array, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  if (process.stdout.write(text)) return;
  await once(process.stdout, 'drain', signal ? { signal } : {}).catch((error) => {
    throw error.syscall ? fileError('standard output', 'write', error) : error;
  });
}

export async function printJson(value: unknown): Promise<void> {
  const plain = (_key: string, entry: unknown) => (typeof entry === 'bigint' ? entry.toString() : entry);
  await print(`${JSON.stringify(value, plain, 2)}\n`);
}

/**
 * Foreign text for a terminal. Keys cannot have C0 controls, but the C1 set, which some terminals obey, and the
 * characters that reverse the writing direction are allowed in them: shown as escapes, so that a key cannot pretend.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    return `\\u{${character.codePointAt(0)!.toString(16)}}`;
  });
}
