import { resolve } from 'node:path';
import { readFolder } from '../../store/read-folder.js';
import type { OutgoingObject } from '../archive/write-archive.js';
import { timeOfReading } from '../version-time.js';

/** What a stopped node holds, for an archive; `advance` hears of the bytes. */
export async function* objectsInFolder(
  named: string,
  prefix: string,
  signal: AbortSignal,
  advance: (bytes: number) => void,
): AsyncGenerator<OutgoingObject> {
  for await (const { manifest, blocks } of readFolder(resolve(named), prefix)) {
    const { key, size, version } = manifest;
    // As a running node gives it.
    const metadata = { 'content-type': 'application/octet-stream', ...manifest.metadata };
    async function* body() {
      for await (const block of blocks()) {
        signal.throwIfAborted();
        yield block;
        advance(block.length);
      }
    }
    const sha256 = Buffer.from(manifest.sha256).toString('hex');
    yield { key, bytes: size, sha256, metadata, writtenAt: timeOfReading(version.time), body: body() };
  }
}
