import type { Command } from 'commander';
import { isMurkyError, MurkyError } from '../../errors.js';
import { checkKey } from '../../object/key.js';
import { Checksum } from '../checksum.js';
import { FetchWatch } from '../http/fetch-watch.js';
import { nodeClient } from '../http/node-address.js';
import type { NodeClient } from '../http/node-client.js';
import { interruptible } from '../interruption.js';
import { checkSha256, deliver, goesToFile, partFor } from '../object-sink.js';
import {
  consistencyOption,
  continueOption,
  jsonOption,
  type NodeOptions,
  nodeOption,
  quietOption,
  type ReportOptions,
  timeoutOption,
  tokenFileOption,
} from '../options.js';
import type { PartFile } from '../part-file.js';
import { printable, printJson } from '../terminal/output.js';
import { startProgress } from '../terminal/progress.js';
import { bytesText, toMicroseconds } from '../terminal/quantity.js';

/** What a part that is damaged, or of something else in truth, ends with: the object is then brought anew. */
const SPOILT = ['MURKY_BLOCK_CORRUPT', 'MURKY_RANGE_NOT_SATISFIABLE'] as const;

interface GetOptions extends NodeOptions, ReportOptions {
  readonly output?: string;
  readonly continue?: true;
  readonly force?: true;
  readonly consistency: 'local' | 'quorum';
  readonly version?: string;
}

export function addGet(program: Command): void {
  program
    .command('get')
    .summary('bring an object back')
    .description('Writes an object to a file or to standard output, checked against its SHA-256.')
    .argument('<key>', 'name of the object')
    .option('-o, --output <file>', 'write to this file; it appears whole or not at all')
    .addOption(continueOption())
    .option('-f, --force', 'write binary bytes to a terminal')
    .addOption(consistencyOption())
    .option('--version <version>', 'an older one, as "murky versions" names it, out of the store of the node')
    .addOption(nodeOption())
    .addOption(tokenFileOption())
    .addOption(timeoutOption(60))
    .addOption(jsonOption())
    .addOption(quietOption())
    .action((key: string, options: GetOptions) => interruptible((signal) => get(key, options, signal)));
}

async function get(key: string, options: GetOptions, signal: AbortSignal): Promise<void> {
  checkKey(key);
  const toFile = goesToFile(options.output);
  if (options.json && !toFile) {
    throw new MurkyError('MURKY_BAD_USAGE', 'With --json the object needs a file to go to.', { hint: 'Add -o FILE.' });
  }
  const client = await nodeClient(options, signal);
  const part = await partFor(options);
  const continued = part?.left !== undefined;
  try {
    await transfer(client, key, options, part, signal).catch(async (error) => {
      const spoilt = SPOILT.some((code) => isMurkyError(error, code));
      if (spoilt) await part?.cut(0);
      if (!spoilt || !continued) throw error;
      await transfer(client, key, options, part, signal);
    });
  } finally {
    await part?.close();
  }
}

async function transfer(
  client: NodeClient,
  key: string,
  options: GetOptions,
  part: PartFile | undefined,
  signal: AbortSignal,
): Promise<void> {
  const toFile = goesToFile(options.output);
  const started = performance.now();
  const watch = options.quiet ? undefined : new FetchWatch(client, key);
  const progress = startProgress(key, {
    quiet: options.quiet,
    noBar: !toFile && process.stdout.isTTY === true,
    fetch: () => watch?.latest(),
  });
  const query = {
    ...(options.consistency === 'quorum' && { consistency: options.consistency }),
    ...(options.version !== undefined && { version: options.version }),
  };
  // The node answers when its first block is there; on a slow link it is watched from before.
  const stop = () => {
    watch?.stop();
    progress.stop();
  };
  const object = await client.get(key, query, part?.left).catch((error) => {
    stop();
    throw error;
  });
  progress.expect(object.bytes);
  const checksum = new Checksum();
  let sha256 = '';
  const accept = () => {
    sha256 = checksum.sha256();
    if (object.sha256 !== undefined) checkSha256(printable(key), object.sha256, sha256);
  };
  const body = checksum.of(object.body, progress.advance);
  try {
    if (part) {
      if (object.start === 0) await part.begin(object.sha256);
      for await (const piece of part.beginning(object.start)) checksum.add(piece);
      progress.resume(object.start);
      await part.finish(object.start, body, accept);
    } else {
      await deliver(body, options, signal, accept);
    }
  } finally {
    object.discard();
    stop();
  }
  const seconds = toMicroseconds((performance.now() - started) / 1000);
  const facts = { bytes: checksum.bytes, sha256, contentType: object.metadata['content-type'], seconds };
  if (options.json) await printJson({ key, file: options.output, ...facts });
  else if (toFile) progress.note(`${printable(key)}: ${bytesText(facts.bytes)} in ${printable(options.output!)}`);
}
