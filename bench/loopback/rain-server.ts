/**
 * A rain server in a process of its own, for the benchmarks: argv is key (hex, empty for none), resource, bytes, seed of
 * the bytes, and the rate it may send at, by default that of any server. A parent with an IPC channel gets the loop's counters, and the CPU time of the process, for any message.
 */
import { RainServer } from '../../src/index.js';
import { blockOfBytes } from './bytes.js';

const [key = '', resource = '', length = '', seed = '', rate = ''] = process.argv.slice(2);
const server = await RainServer.listen({
  host: '127.0.0.1',
  port: 0,
  ...(key && { key: Buffer.from(key, 'hex') }),
  ...(rate && { maxRateBitsPerSecond: Number(rate), maxRatePerPeerBitsPerSecond: Number(rate) }),
});
await server.add(BigInt(resource), blockOfBytes(Number(length), Number(seed)));
process.on('message', () => process.send?.({ counters: server.counters(), cpu: process.cpuUsage() }));
process.stdout.write(`${server.address.host}:${server.address.port}\n`);
