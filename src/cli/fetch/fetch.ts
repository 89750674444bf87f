import { loadConfig } from '../../config/load.js';
import { isMurkyError } from '../../errors.js';
import { readClusterKeys } from '../../node/cluster-key.js';
import { checkKey } from '../../object/key.js';
import { blockLength, type Manifest, sha256 as sha256Of } from '../../object/manifest.js';
import { RainClient } from '../../rain/client.js';
import type { Address } from '../../rain/contract.js';
import type { RainReport } from '../../rain/report.js';
import { silentLog } from '../../seam/log.js';
import { Checksum } from '../checksum.js';
import { checkSha256, deliver, goesToFile, partFor } from '../object-sink.js';
import type { ReportOptions } from '../options.js';
import type { PartFile } from '../part-file.js';
import { coloursFor } from '../terminal/colours.js';
import { printable, printJson } from '../terminal/output.js';
import { type Progress, startProgress } from '../terminal/progress.js';
import { bytesText, rateText, secondsText, toMicroseconds } from '../terminal/quantity.js';
import { lossOf } from '../terminal/transfer-lines.js';
import { reportTable } from './report.js';

/** Times that the fetch begins again when the object is overwritten meanwhile. */
const MAX_ATTEMPTS = 4;

export interface FetchOptions extends ReportOptions {
  readonly servers: readonly Address[];
  readonly keyFile?: string;
  readonly insecure?: true;
  readonly output?: string;
  readonly continue?: true;
  readonly force?: true;
  /** Seconds. */
  readonly timeout: number;
}

/** Fetches an object straight from the servers and takes it to where it shall go. */
export async function fetch(key: string, options: FetchOptions, signal: AbortSignal): Promise<void> {
  checkKey(key);
  const part = await partFor(options);
  let client: RainClient | undefined;
  try {
    client = await RainClient.open(trust(options));
    for (let attempt = 1; ; attempt++) {
      try {
        return await attemptFetch(client, key, options, part, signal);
      } catch (error) {
        // What went to standard output cannot be taken back.
        const again = isMurkyError(error, 'MURKY_SUPERSEDED') && (options.json || goesToFile(options.output));
        if (!again || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  } finally {
    await client?.close();
    await part?.close();
  }
}

/** The keys to seal and open with; --key-file, else the configuration's, unless --insecure does without. */
function trust({ keyFile, insecure }: FetchOptions): { key?: readonly Uint8Array[]; insecure?: boolean } {
  if (keyFile !== undefined) return { key: readClusterKeys(keyFile, silentLog) };
  if (insecure) return { insecure };
  const { cluster } = loadConfig().config;
  return cluster.keyFile === null
    ? { insecure: cluster.insecure }
    : { key: readClusterKeys(cluster.keyFile, silentLog) };
}

async function attemptFetch(
  client: RainClient,
  key: string,
  options: FetchOptions,
  part: PartFile | undefined,
  signal: AbortSignal,
) {
  const { servers, output, quiet, json, timeout } = options;
  const checksum = new Checksum();
  const stream = await client.stream(key, {
    servers,
    signal,
    stallTimeoutMs: timeout * 1000,
    // A file has taken a piece, or a hash, when the next one is asked for; standard output may still hold it.
    transient: measuredOnly(options) || goesToFile(output),
    ...(part && { firstBlock: (manifest) => soundBlocks(part, manifest, checksum) }),
  });
  const kept = checksum.bytes;
  const measured = measuredOnly(options);
  const progress = startProgress(key, {
    totalBytes: stream.manifest.size,
    quiet,
    noBar: !measured && !goesToFile(output) && process.stdout.isTTY === true,
    fetch: () => ({ ...stream.report(), wantedBytes: stream.manifest.size }),
  });
  progress.resume(kept);
  let sha256 = '';
  const accept = () => {
    sha256 = checksum.sha256();
    checkSha256(printable(key), Buffer.from(stream.manifest.sha256).toString('hex'), sha256);
  };
  const body = checksum.of(stream.body, progress.advance);
  try {
    if (part) {
      await part.finish(kept, body, accept);
    } else if (measured) {
      for await (const _ of body); // only counted and hashed
      accept();
    } else {
      await deliver(body, options, signal, accept);
    }
  } finally {
    progress.stop();
  }
  const report = stream.report();
  if (json) await printJson(asJson(key, sha256, report));
  else tell(key, report, progress, output);
}

function measuredOnly({ json, output }: FetchOptions): boolean {
  return json === true && !goesToFile(output);
}

/** How many blocks a part has from the first on, each with its hash; all of them are in the checksum then. */
async function soundBlocks(part: PartFile, manifest: Manifest, checksum: Checksum): Promise<number> {
  await part.begin(Buffer.from(manifest.sha256).toString('hex'));
  for (const [index, hash] of manifest.blockHashes.entries()) {
    const bytes = await part.read(index * manifest.blockBytes, blockLength(manifest, index));
    if (bytes.length < blockLength(manifest, index) || !sha256Of(bytes).equals(hash)) return index;
    checksum.add(bytes);
  }
  return manifest.blockHashes.length;
}

function asJson(key: string, sha256: string, { bytes, seconds, overhead, servers, culprits }: RainReport) {
  return {
    key,
    bytes,
    seconds: toMicroseconds(seconds),
    sha256,
    overhead,
    servers: servers.map((server) => ({
      address: server.address,
      state: server.state,
      symbols: server.symbols,
      /** Bits per second. */
      rate: server.rateBitsPerSecond,
      loss: lossOf(server),
      roundTripMs: server.roundTripMs,
    })),
    culprits,
  };
}

function tell(key: string, report: RainReport, progress: Progress, output: string | undefined): void {
  const where = goesToFile(output) ? ` in ${printable(output)}` : '';
  const speed = rateText((report.bytes * 8) / Math.max(report.seconds, 0.001));
  progress.note(`${printable(key)}: ${bytesText(report.bytes)}${where}, ${secondsText(report.seconds)}, ${speed}`);
  if (report.servers.length > 0) progress.note(reportTable(report, coloursFor(process.stderr)).trimEnd());
  for (const culprit of report.culprits) progress.note(`${culprit} sent wrong bytes and was left out.`);
}
