import { type Command, Option } from 'commander';
import { isMurkyError, MurkyError } from '../../errors.js';
import { type OutgoingObject, writeArchive } from '../archive/write-archive.js';
import { Checksum } from '../checksum.js';
import { nodeClient } from '../http/node-address.js';
import type { NodeClient } from '../http/node-client.js';
import { badAnswer } from '../http/node-failure.js';
import { interruptible } from '../interruption.js';
import { checkSha256, deliver, goesToFile } from '../object-sink.js';
import {
  jsonOption,
  type NodeOptions,
  nodeOption,
  quietOption,
  type ReportOptions,
  timeoutOption,
  tokenFileOption,
} from '../options.js';
import { printable, printJson } from '../terminal/output.js';
import { type Progress, startProgress } from '../terminal/progress.js';
import { bytesText, countText, toMicroseconds } from '../terminal/quantity.js';
import { timeOfVersion } from '../version-time.js';

interface ExportOptions extends NodeOptions, ReportOptions {
  readonly prefix: string;
  readonly folder?: string;
}

/** What has gone into the archive. */
interface Exported {
  objects: number;
  bytes: number;
}

export function addExport(program: Command): void {
  program
    .command('export')
    .summary('write the objects that a node holds into a tar archive')
    .description(
      'Writes the objects that the node itself holds, with their headers, into a tar archive; of a stopped node with --folder.',
    )
    .argument('<file>', 'archive to write, whole or not at all; - is standard output')
    .option('--prefix <prefix>', 'only keys that begin so', '')
    .addOption(
      new Option('--folder <folder>', "a stopped node's data folder to read them from; it is not changed").conflicts([
        'node',
        'tokenFile',
        'timeout',
      ]),
    )
    .addOption(nodeOption())
    .addOption(tokenFileOption())
    .addOption(timeoutOption(60))
    .addOption(jsonOption())
    .addOption(quietOption())
    .action((file: string, options: ExportOptions) => interruptible((signal) => exportObjects(file, options, signal)));
}

async function exportObjects(file: string, options: ExportOptions, signal: AbortSignal): Promise<void> {
  const toFile = goesToFile(file);
  if (!toFile && (options.json || process.stdout.isTTY)) {
    throw new MurkyError(
      'MURKY_BAD_USAGE',
      'The archive cannot share standard output with a terminal or with --json.',
      {
        hint: 'Name a file, or send standard output to a file or a command.',
      },
    );
  }
  const progress = startProgress('export', { quiet: options.quiet });
  const started = performance.now();
  const exported: Exported = { objects: 0, bytes: 0 };
  try {
    const archive = writeArchive(counted(await source(options, progress, signal), exported));
    await deliver(archive, { output: file }, signal, () => {});
  } finally {
    progress.stop();
  }
  const { objects, bytes } = exported;
  const seconds = toMicroseconds((performance.now() - started) / 1000);
  if (options.json) await printJson({ file, objects, bytes, seconds });
  else progress.note(`${countText(objects, 'object')}, ${bytesText(bytes)}${toFile ? ` in ${printable(file)}` : ''}`);
}

async function source(
  { folder, prefix, ...options }: ExportOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<AsyncIterable<OutgoingObject>> {
  if (folder === undefined) return objectsOf(await nodeClient(options, signal), prefix, progress);
  const { objectsInFolder } = await import('../offline/folder-objects.js');
  return objectsInFolder(folder, prefix, signal, progress.advance);
}

/** Counts what has gone in whole. */
async function* counted(objects: AsyncIterable<OutgoingObject>, exported: Exported): AsyncGenerator<OutgoingObject> {
  for await (const object of objects) {
    yield object;
    exported.objects += 1;
    exported.bytes += object.bytes;
  }
}

/** One object at a time; what is deleted between its being listed and its being read is left out. */
async function* objectsOf(client: NodeClient, prefix: string, progress: Progress): AsyncGenerator<OutgoingObject> {
  for await (const { key } of client.list(prefix)) {
    const object = await client.get(key).catch((error) => {
      if (!isMurkyError(error, 'MURKY_NOT_FOUND')) throw error;
    });
    if (!object) continue;
    const { bytes, sha256, metadata, version, body } = object;
    if (bytes === undefined || version === undefined) {
      object.discard();
      throw badAnswer(client.url, 'it does not tell the length and the version of an object');
    }
    try {
      yield {
        key,
        bytes,
        sha256,
        metadata,
        writtenAt: timeOfVersion(version),
        body: checked(key, body, sha256, progress),
      };
    } finally {
      object.discard();
    }
  }
}

/** The bytes of an object; MURKY_BLOCK_CORRUPT at their end if they are not those that were announced. */
async function* checked(
  key: string,
  body: AsyncIterable<Uint8Array>,
  sha256: string | undefined,
  progress: Progress,
): AsyncGenerator<Uint8Array> {
  const checksum = new Checksum();
  yield* checksum.of(body, progress.advance);
  if (sha256 !== undefined) checkSha256(printable(key), sha256, checksum.sha256());
}
