/** What TCP carries over loopback at the same moment: the reference of the loopback benchmark. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** For how long iperf3 sends. */
export const SECONDS = 2;

/** Bits per second from a process with a plain node:net server to this one, which throws the bytes away. */
export async function nodeTcp(bytes: number): Promise<number> {
  const server = spawn(process.execPath, [fileURLToPath(new URL('tcp-server.mjs', import.meta.url)), `${bytes}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const port = Number(String((await once(server.stdout, 'data'))[0]));
    const started = performance.now();
    const socket = connect(port, '127.0.0.1');
    let received = 0;
    for await (const chunk of socket) received += (chunk as Buffer).length;
    if (received !== bytes) throw new Error(`TCP brought ${received} of ${bytes} bytes`);
    return (bytes * 8) / ((performance.now() - started) / 1000);
  } finally {
    server.kill('SIGKILL');
  }
}

/** Bits per second of one iperf3 stream; undefined where iperf3 is not installed. */
export async function iperf3(): Promise<number | undefined> {
  const port = await freePort();
  const server: ChildProcess = spawn('iperf3', ['--server', '--one-off', '--port', `${port}`], { stdio: 'ignore' });
  const failed = once(server, 'error').then(() => true);
  try {
    const started = once(server, 'spawn').then(() => false);
    if (await Promise.race([failed, started])) return undefined;
    const words = ['--client', '127.0.0.1', '--port', `${port}`, '--time', `${SECONDS}`, '--json', '--connect-timeout'];
    for (let attempt = 0; attempt < 20; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const ran = await promisify(execFile)('iperf3', [...words, '1000']).catch(() => undefined);
      const rate = ran && JSON.parse(ran.stdout).end?.sum_received?.bits_per_second;
      if (rate) return rate;
    }
    throw new Error('iperf3 did not answer');
  } finally {
    server.kill('SIGKILL');
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
