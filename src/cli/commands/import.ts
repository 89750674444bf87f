import { Readable } from 'node:stream';
import { type Command, Option } from 'commander';
import { MurkyError } from '../../errors.js';
import { checkKey } from '../../object/key.js';
import { type IncomingObject, readArchive } from '../archive/read-archive.js';
import { Checksum } from '../checksum.js';
import { asMurkyError } from '../failure.js';
import { nodeClient } from '../http/node-address.js';
import { type Input, openInput } from '../input-file.js';
import { interruptible } from '../interruption.js';
import {
  jsonOption,
  type NodeOptions,
  nodeOption,
  quietOption,
  type ReportOptions,
  timeoutOption,
  tokenFileOption,
} from '../options.js';
import { print, printable, printJson } from '../terminal/output.js';
import { type Progress, startProgress } from '../terminal/progress.js';
import { bytesText, countText, toMicroseconds } from '../terminal/quantity.js';

interface ImportOptions extends NodeOptions, ReportOptions {
  readonly folder?: string;
  readonly config?: string;
}

/** Where the objects go: one that is told of is durable there. */
interface Destination {
  put(
    key: string,
    body: Readable,
    facts: { bytes: number; metadata: Readonly<Record<string, string>> },
  ): Promise<{ readonly sha256?: string | undefined }>;
  close(): Promise<void>;
}

/** What has been acknowledged. */
interface Imported {
  objects: number;
  bytes: number;
  last: string | undefined;
  /** Links, devices and the like, which are no objects. */
  skipped: number;
}

export function addImport(program: Command): void {
  program
    .command('import')
    .summary('store the files of a tar archive')
    .description(
      'Stores each file of a tar archive under its path, or under the key that murky export gave it; ' +
        "in a stopped node's folder with --folder.",
    )
    .argument('<file>', 'archive to read, not compressed; - is standard input')
    .addOption(
      new Option('--folder <folder>', "a stopped node's data folder to store them in, or a new one").conflicts([
        'node',
        'tokenFile',
        'timeout',
      ]),
    )
    .option('-c, --config <file>', 'with --folder: whose cache.max-bytes holds (default: murky-config.json here)')
    .addOption(nodeOption())
    .addOption(tokenFileOption())
    .addOption(timeoutOption(60))
    .addOption(jsonOption())
    .addOption(quietOption())
    .action((file: string, options: ImportOptions) => interruptible((signal) => importObjects(file, options, signal)));
}

async function importObjects(file: string, options: ImportOptions, signal: AbortSignal): Promise<void> {
  const input = await openInput(file);
  const destination = await destinationOf(options, signal).catch((error) => {
    input.body.destroy();
    throw error;
  });
  try {
    await takeIn(destination, file, input, options, signal);
  } finally {
    await destination.close();
  }
}

async function destinationOf({ folder, config, ...options }: ImportOptions, signal: AbortSignal): Promise<Destination> {
  if (folder !== undefined) {
    const { openFolder } = await import('../offline/folder-import.js');
    return await openFolder(folder, config, signal);
  }
  if (config !== undefined) throw new MurkyError('MURKY_BAD_USAGE', '--config goes with --folder.');
  const client = await nodeClient(options, signal);
  return { put: (key, body, facts) => client.put(key, body, facts), close: async () => {} };
}

async function takeIn(
  destination: Destination,
  file: string,
  input: Input,
  options: ImportOptions,
  signal: AbortSignal,
): Promise<void> {
  const progress = startProgress(file === '-' ? 'import' : file, { totalBytes: input.bytes, quiet: options.quiet });
  const started = performance.now();
  const imported: Imported = { objects: 0, bytes: 0, last: undefined, skipped: 0 };
  const onAbort = () => void input.body.destroy(signal.reason);
  signal.addEventListener('abort', onAbort);
  try {
    const skip = (path: string, type: string) => {
      imported.skipped += 1;
      progress.note(`${printable(path)}: left out, it is no file (${type})`);
    };
    for await (const object of readArchive(input.body, file, skip))
      await store(destination, object, progress, imported);
  } catch (error) {
    progress.stop();
    if (signal.aborted) process.stderr.write(`Interrupted: ${takenText(imported)}\n`);
    throw partly(error, imported);
  } finally {
    signal.removeEventListener('abort', onAbort);
    progress.stop();
  }
  const seconds = toMicroseconds((performance.now() - started) / 1000);
  const { objects, bytes, skipped } = imported;
  if (options.json) await printJson({ file, objects, bytes, skipped, seconds });
  else if (!options.quiet) await print(`${countText(objects, 'object')} stored, ${bytesText(bytes)}\n`);
}

async function store(
  destination: Destination,
  object: IncomingObject,
  progress: Progress,
  imported: Imported,
): Promise<void> {
  const { key, bytes, metadata } = object;
  checkKey(key);
  const checksum = new Checksum();
  // A body that fails before its announced length is stored nowhere.
  const body = Readable.from(heldBack(key, checksum.of(object.body, progress.advance), object.sha256, checksum), {
    objectMode: false,
  });
  const answer = await destination.put(key, body, { bytes, metadata });
  if (answer.sha256 !== undefined && answer.sha256 !== checksum.sha256()) {
    throw new MurkyError('MURKY_BLOCK_CORRUPT', `What was stored of "${printable(key)}" is not what was sent.`, {
      hint: 'Import it again.',
      facts: { sent: checksum.sha256(), stored: answer.sha256 },
    });
  }
  imported.objects += 1;
  imported.bytes += bytes;
  imported.last = key;
}

/** Lets the last chunk go only when all that came has the SHA-256 that the archive names. */
async function* heldBack(
  key: string,
  body: AsyncIterable<Uint8Array>,
  sha256: string | undefined,
  checksum: Checksum,
): AsyncGenerator<Uint8Array> {
  let last: Uint8Array | undefined;
  for await (const chunk of body) {
    if (last) yield last;
    last = chunk;
  }
  if (sha256 !== undefined && sha256 !== checksum.sha256()) {
    throw new MurkyError('MURKY_BLOCK_CORRUPT', `The archive is damaged: "${printable(key)}" has another SHA-256.`, {
      facts: { expected: sha256, found: checksum.sha256() },
    });
  }
  if (last) yield last;
}

/** The same failure, with what had been taken before it. */
function partly(error: unknown, imported: Imported): MurkyError {
  const failure = asMurkyError(error);
  const { objects, bytes, last } = imported;
  return new MurkyError(failure.code, failure.message, {
    hint: [takenText(imported), failure.hint].filter(Boolean).join(' '),
    facts: { ...failure.facts, objects, bytes, last },
    cause: error,
  });
}

function takenText({ objects, bytes, last }: Imported): string {
  if (last === undefined) return 'No object of the archive was stored.';
  return `${countText(objects, 'object')}, ${bytesText(bytes)}, were stored before; the last is "${printable(last)}".`;
}
