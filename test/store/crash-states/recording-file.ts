import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Operation } from './recording.js';

const PATH = fileURLToPath(new URL('recording.json.gz', import.meta.url));

/** The recording that is kept with the tests: they need no strace. */
export function readRecording(): Operation[] {
  return JSON.parse(gunzipSync(readFileSync(PATH)).toString('utf8'));
}

export function writeRecording(operations: readonly Operation[], write: (path: string, bytes: Buffer) => void): void {
  write(PATH, gzipSync(JSON.stringify(operations), { level: 9 }));
}
