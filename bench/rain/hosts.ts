/** Fetches of one object from real servers: time, goodput, efficiency against the links, overhead, shares. */
import { readFileSync } from 'node:fs';
import { RainClient, type RainReport } from '../../src/index.js';
import { percent, share, table } from './table.js';

export interface HostsOptions {
  /** `host:port` of servers that hold the object. */
  readonly servers: readonly string[];
  readonly key: string;
  /** Of the cluster, as `murky` reads it; without one the fetch goes in clear. */
  readonly keyFile?: string;
  readonly rounds: number;
  /** Of each server's link, for the efficiency. */
  readonly rateBitsPerSecond: number;
  readonly loss: number;
}

export async function printHosts(options: HostsOptions): Promise<void> {
  const { servers, key, rounds, rateBitsPerSecond, loss } = options;
  const clusterKey = options.keyFile && Buffer.from(readFileSync(options.keyFile, 'utf8').trim(), 'hex');
  const reports: RainReport[] = [];
  for (let round = 0; round < rounds; round++) {
    // A client each: no token and no history is left of the round before.
    const client = await RainClient.open(clusterKey ? { key: clusterKey } : { insecure: true });
    try {
      const { body, report } = await client.stream(key, { servers });
      for await (const _ of body);
      reports.push(report());
    } finally {
      await client.close();
    }
  }
  const links = servers.length * rateBitsPerSecond * (1 - loss);
  table(
    ['round', 'MB', 's', 'Mbit/s', 'efficiency', 'overhead', 'loss by server'],
    reports.map((report, round) => [
      `${round + 1}`,
      (report.bytes / 1e6).toFixed(1),
      report.seconds.toFixed(3),
      ((report.bytes * 8) / report.seconds / 1e6).toFixed(1),
      share((report.bytes * 8) / report.seconds / links),
      percent(report.overhead),
      report.servers.map(({ symbols, lost }) => percent(lost / Math.max(1, symbols + lost))).join(', '),
    ]),
  );
}
