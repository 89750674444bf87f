import { readFileSync, statSync } from 'node:fs';
import { MurkyError } from '../errors.js';
import type { Log } from '../seam/log.js';

const MIN_KEY_BYTES = 16;
const MAX_KEY_BYTES = 64;
const MAX_FILE_BYTES = 65536;

/**
 * Reads a cluster key: lines of hexadecimal digits as `murky keygen` writes them, of which the first is used, or 16 to
 * 64 raw bytes. MURKY_BAD_CLUSTER_KEY says what is wrong.
 */
export function readClusterKey(file: string, log: Log): Uint8Array {
  const bytes = readFile(file);
  warnIfOpen(file, log);
  return parseClusterKey(bytes, file);
}

export function parseClusterKey(bytes: Uint8Array, file: string): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1');
  if (!/^[\x20-\x7e\s]*$/.test(text)) return checked(bytes, file); // not text, so the key itself
  const line = text
    .split(/\r?\n/)
    .map((one) => one.trim())
    .find((one) => one !== '');
  if (line === undefined) throw bad(`${file} holds no cluster key: it is empty.`);
  if (!/^([0-9a-fA-F]{2})*$/.test(line)) {
    throw bad(`The first line of ${file} is no cluster key: it has to be an even number of hexadecimal digits.`);
  }
  return checked(Buffer.from(line, 'hex'), file);
}

function checked(key: Uint8Array, file: string): Uint8Array {
  if (key.length >= MIN_KEY_BYTES && key.length <= MAX_KEY_BYTES) return Uint8Array.from(key);
  throw bad(`The cluster key in ${file} has ${key.length} bytes; it has to have ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES}.`);
}

function readFile(file: string): Uint8Array {
  try {
    if (statSync(file).size > MAX_FILE_BYTES) throw bad(`${file} is too large to be a cluster key.`);
    return readFileSync(file);
  } catch (error) {
    if (error instanceof MurkyError) throw error;
    throw bad(`The cluster key file ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`, error);
  }
}

function warnIfOpen(file: string, log: Log): void {
  if ((statSync(file).mode & 0o077) === 0) return;
  log.warn(
    { file },
    'The cluster key can be read by others on this machine; "chmod 600" on the file keeps it private.',
  );
}

function bad(sentence: string, cause?: unknown): MurkyError {
  return new MurkyError('MURKY_BAD_CLUSTER_KEY', sentence, {
    hint: 'Make a key with "murky keygen", and give the same file to every node.',
    ...(cause !== undefined && { cause }),
  });
}
