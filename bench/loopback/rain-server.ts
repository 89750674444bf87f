/** A rain server in a process of its own, for bench/loopback: argv is key (hex), resource, bytes, seed of the bytes. */
import { RainServer } from '../../src/index.js';
import { blockOfBytes } from './bytes.js';

const [key = '', resource = '', length = '', seed = ''] = process.argv.slice(2);
const server = await RainServer.listen({ host: '127.0.0.1', port: 0, key: Buffer.from(key, 'hex') });
await server.add(BigInt(resource), blockOfBytes(Number(length), Number(seed)));
process.stdout.write(`${server.address.host}:${server.address.port}\n`);
