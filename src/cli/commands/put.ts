import { Readable } from 'node:stream';
import type { Command } from 'commander';
import { MurkyError } from '../../errors.js';
import { checkKey } from '../../object/key.js';
import { Checksum } from '../checksum.js';
import { nodeClient } from '../http/node-address.js';
import { openInput } from '../input-file.js';
import { interruptible } from '../interruption.js';
import {
  type ConditionOptions,
  conditionHeaders,
  contentTypeOption,
  ifMatchOption,
  ifNoneMatchOption,
  jsonOption,
  type NodeOptions,
  nodeOption,
  quietOption,
  type ReportOptions,
  timeoutOption,
  tokenFileOption,
} from '../options.js';
import { fileError } from '../output-file.js';
import { print, printable, printJson } from '../terminal/output.js';
import { startProgress } from '../terminal/progress.js';
import { bytesText, toMicroseconds } from '../terminal/quantity.js';

interface PutOptions extends NodeOptions, ReportOptions, ConditionOptions {
  readonly contentType?: string;
}

const CHUNK_BYTES = 256 * 1024;

export function addPut(program: Command): void {
  program
    .command('put')
    .summary('store a file under a key')
    .description('Stores a file under a key, and says how many owners hold it durably.')
    .argument('<key>', 'name of the object')
    .argument('<file>', 'file to store; - is standard input')
    .addOption(contentTypeOption())
    .addOption(ifMatchOption())
    .addOption(ifNoneMatchOption())
    .addOption(nodeOption())
    .addOption(tokenFileOption())
    .addOption(timeoutOption(60))
    .addOption(jsonOption())
    .addOption(quietOption())
    .action((key: string, file: string, options: PutOptions) =>
      interruptible((signal) => put(key, file, options, signal)),
    );
}

async function put(key: string, file: string, options: PutOptions, signal: AbortSignal): Promise<void> {
  checkKey(key);
  const client = await nodeClient(options, signal);
  const source = await openInput(file);
  const progress = startProgress(key, { totalBytes: source.bytes, quiet: options.quiet });
  const checksum = new Checksum();
  const started = performance.now();
  try {
    const body = Readable.from(checksum.of(whole(source.body, file, source.bytes), progress.advance), {
      objectMode: false,
      highWaterMark: CHUNK_BYTES,
    });
    const answer = await client.put(key, body, {
      bytes: source.bytes,
      metadata: options.contentType === undefined ? {} : { 'content-type': options.contentType },
      conditions: conditionHeaders(options),
    });
    progress.stop();
    const seconds = toMicroseconds((performance.now() - started) / 1000);
    const sha256 = checksum.sha256();
    if (answer.sha256 !== undefined && answer.sha256 !== sha256) {
      throw new MurkyError('MURKY_BLOCK_CORRUPT', 'What the node stored is not what was sent: their SHA-256 differ.', {
        hint: 'Put it again.',
        facts: { sent: sha256, stored: answer.sha256 },
      });
    }
    const { durable, owners, quorum, version, overtaken } = answer;
    if (options.json) {
      await printJson({ key, bytes: checksum.bytes, sha256, version, durable, owners, quorum, overtaken, seconds });
    } else if (!options.quiet) {
      const where =
        durable === undefined ? '' : `, durable on ${durable} of ${owners} ${owners === 1 ? 'owner' : 'owners'}`;
      const lost = overtaken === undefined ? '' : ', and overwritten at once by a write at the same time';
      await print(`${printable(key)}: ${bytesText(checksum.bytes)} stored${where}${lost}\n`);
    }
  } finally {
    progress.stop();
    source.body.destroy();
  }
}

/** The source's bytes; fails if there are fewer than announced, or if they cannot be read. */
async function* whole(source: Readable, name: string, bytes: number | undefined): AsyncGenerator<Uint8Array> {
  let count = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      count += chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw fileError(name, 'read', error);
  }
  if (bytes !== undefined && count < bytes) {
    throw new MurkyError('MURKY_FILE_UNUSABLE', `"${name}" became shorter while it was read.`);
  }
}
