import type { Command } from 'commander';
import { MurkyError } from '../../errors.js';
import { checkKey } from '../../object/key.js';
import { Checksum } from '../checksum.js';
import { FetchWatch } from '../http/fetch-watch.js';
import { nodeClient } from '../http/node-address.js';
import { interruptible } from '../interruption.js';
import { checkSha256, deliver, goesToFile } from '../object-sink.js';
import {
  consistencyOption,
  jsonOption,
  type NodeOptions,
  nodeOption,
  quietOption,
  type ReportOptions,
  timeoutOption,
  tokenFileOption,
} from '../options.js';
import { printable, printJson } from '../terminal/output.js';
import { startProgress } from '../terminal/progress.js';
import { bytesText, toMicroseconds } from '../terminal/quantity.js';

interface GetOptions extends NodeOptions, ReportOptions {
  readonly output?: string;
  readonly force?: true;
  readonly consistency: 'local' | 'quorum';
}

export function addGet(program: Command): void {
  program
    .command('get')
    .summary('bring an object back')
    .description('Writes an object to a file or to standard output, checked against its SHA-256.')
    .argument('<key>', 'name of the object')
    .option('-o, --output <file>', 'write to this file; it appears whole or not at all')
    .option('-f, --force', 'write binary bytes to a terminal')
    .addOption(consistencyOption())
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
  const started = performance.now();
  const watch = options.quiet ? undefined : new FetchWatch(client, key);
  const progress = startProgress(key, {
    quiet: options.quiet,
    noBar: !toFile && process.stdout.isTTY === true,
    fetch: () => watch?.latest(),
  });
  const query: Record<string, string> = options.consistency === 'quorum' ? { consistency: 'quorum' } : {};
  // The node answers when its first block is there; on a slow link it is watched from before.
  const stop = () => {
    watch?.stop();
    progress.stop();
  };
  const object = await client.get(key, query).catch((error) => {
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
    await deliver(body, options, signal, accept);
  } finally {
    object.discard();
    stop();
  }
  const seconds = toMicroseconds((performance.now() - started) / 1000);
  const facts = { bytes: checksum.bytes, sha256, contentType: object.metadata['content-type'], seconds };
  if (options.json) await printJson({ key, file: options.output, ...facts });
  else if (toFile) progress.note(`${printable(key)}: ${bytesText(facts.bytes)} in ${printable(options.output!)}`);
}
