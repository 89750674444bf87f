import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { MurkyError } from '../../errors.js';
import { type ArchivedObject, objectOf } from './entry-header.js';

const BLOCK_BYTES = 512;
const TOO_EARLY = 'it ends too early';
/** Folders come by themselves with the keys below them. */
const SILENT_TYPES = new Set(['directory']);

export interface IncomingObject extends ArchivedObject {
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * The files of a tar archive (ustar, pax, GNU), one after the other; each body is to be read before the next is asked
 * for. `skipped` hears of links and devices. MURKY_FILE_UNUSABLE if `source` is no tar archive, or ends too early.
 */
export async function* readArchive(
  source: Readable,
  name: string,
  skipped: (path: string, type: string) => void,
): AsyncGenerator<IncomingObject> {
  const entries = extract();
  const end = new ArchiveEnd();
  const feeding = pipeline(source, end, entries);
  feeding.catch(() => {}); // the loop below ends with the same error
  try {
    for await (const entry of entries) {
      const { header } = entry;
      if (header.type === 'file' || header.type === 'contiguous-file') {
        yield { ...objectOf(header), body: bytesOf(entry as AsyncIterable<Uint8Array>, header.size, name) };
      } else if (!SILENT_TYPES.has(header.type)) {
        skipped(header.name, header.type ?? 'unknown');
      }
      entry.resume();
    }
    await feeding;
  } catch (error) {
    throw archiveError(name, error);
  } finally {
    source.destroy();
  }
  if (!end.seen) throw archiveError(name, new Error(TOO_EARLY));
}

/** The bytes of an entry; where the archive ends within it, its stream just ends too. */
async function* bytesOf(entry: AsyncIterable<Uint8Array>, bytes: number, name: string): AsyncGenerator<Uint8Array> {
  let count = 0;
  try {
    for await (const chunk of entry) {
      count += chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw archiveError(name, error);
  }
  if (count < bytes) throw archiveError(name, new Error(TOO_EARLY));
}

/** Every archive ends in a block of zeros (POSIX.1, pax); one that was cut between two files would else look whole. */
class ArchiveEnd extends Transform {
  #zeros = 0;

  get seen(): boolean {
    return this.#zeros >= BLOCK_BYTES;
  }

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, chunk: Buffer) => void): void {
    let last = chunk.length - 1;
    while (last >= 0 && chunk[last] === 0 && chunk.length - 1 - last < BLOCK_BYTES) last--;
    const zeros = chunk.length - 1 - last;
    this.#zeros = zeros === chunk.length ? this.#zeros + zeros : zeros;
    done(null, chunk);
  }
}

function archiveError(name: string, error: unknown): MurkyError {
  if (error instanceof MurkyError) return error;
  const { message } = error as Error;
  const reason = message === 'Unexpected end of data' ? TOO_EARLY : firstSentence(message);
  return new MurkyError('MURKY_FILE_UNUSABLE', `"${name}" is not a whole tar archive: ${reason}.`, {
    hint: 'A compressed archive is to be unpacked first, as with: zcat FILE | murky import -',
    cause: error,
  });
}

function firstSentence(text: string): string {
  const sentence = /^[^.\n]*/.exec(text)![0];
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
