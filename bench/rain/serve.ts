/** The other end of `--hosts`: a server with an object that is the same on every host. */
import { RainServer } from '../../src/index.js';

const MIB = 2 ** 20;
/** Equal manifests have equal versions. */
const VERSION = { time: 1n, node: 1n };

export async function serveObject(host: string, port: number, key: string, mebibytes: number): Promise<void> {
  const value = Buffer.alloc(mebibytes * MIB);
  for (let at = 0; at < value.length; at += 4) value.writeUInt32LE(Math.imul(at + 1, 2654435761) >>> 0, at);
  const server = await RainServer.listen({ host, port, insecure: true });
  server.add(key, value, { version: VERSION });
  console.log(`serving ${key}, ${mebibytes} MiB, at ${host}:${port}`);
  setInterval(() => {}, 60_000); // until it is ended
}
