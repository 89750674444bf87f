import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { MurkyError } from '../errors.js';
import { MAX_CLUSTER_KEYS } from '../rain/bind.js';
import type { Log } from '../seam/log.js';

const MIN_KEY_BYTES = 16;
const MAX_KEY_BYTES = 64;
const MAX_FILE_BYTES = 65536;

/**
 * Reads the cluster keys: a line of hexadecimal digits each, as `murky keygen` writes them, or one key of 16 to 64 raw
 * bytes. The first seals, all open. MURKY_BAD_CLUSTER_KEY says what is wrong.
 */
export function readClusterKeys(file: string, log: Log): Uint8Array[] {
  const bytes = readFile(file);
  warnIfOpen(file, log);
  return parseClusterKeys(bytes, file);
}

export function parseClusterKeys(bytes: Uint8Array, file: string): Uint8Array[] {
  const text = Buffer.from(bytes).toString('latin1');
  if (!/^[\x20-\x7e\s]*$/.test(text)) return [checked(bytes, `The cluster key in ${file}`)]; // not text: the key itself
  const keys = new Map<string, number>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const digits = line.trim().toLowerCase();
    if (digits === '') continue;
    const number = index + 1;
    if (!/^([0-9a-f]{2})*$/.test(digits)) {
      throw bad(`Line ${number} of ${file} is no cluster key: it has to be an even number of hexadecimal digits.`);
    }
    const twin = keys.get(digits);
    if (twin !== undefined) throw bad(`Lines ${twin} and ${number} of ${file} are the same cluster key.`);
    keys.set(digits, number);
  }
  if (keys.size === 0) throw bad(`${file} holds no cluster key: it is empty.`);
  if (keys.size > MAX_CLUSTER_KEYS) {
    throw bad(`${file} holds ${keys.size} cluster keys; a node takes ${MAX_CLUSTER_KEYS} at most.`);
  }
  return [...keys].map(([digits, number]) =>
    checked(Buffer.from(digits, 'hex'), `The cluster key in line ${number} of ${file}`),
  );
}

/** Tells keys apart without giving one away: the first 32 bits of a hash, for logs and the status. */
export function keyFingerprint(key: Uint8Array): string {
  return createHash('sha256').update('murky-waters key fingerprint\0').update(key).digest('hex').slice(0, 8);
}

function checked(key: Uint8Array, which: string): Uint8Array {
  if (key.length >= MIN_KEY_BYTES && key.length <= MAX_KEY_BYTES) return Uint8Array.from(key);
  throw bad(`${which} has ${key.length} bytes; it has to have ${MIN_KEY_BYTES} to ${MAX_KEY_BYTES}.`);
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
