import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { MurkyConfig } from '../../config/contract.js';
import type { Check } from './check.js';

/** Whether the configured ports can be bound, by binding them for a moment. */
export async function portChecks({ http, pouringRain }: MurkyConfig): Promise<Check[]> {
  return [
    outcome('http port', 'http.port', http, await bindTcp(http)),
    outcome('rain port', 'pouring-rain.port', pouringRain, await bindUdp(pouringRain)),
  ];
}

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

function outcome(name: string, key: string, { host, port }: Endpoint, error: string | undefined): Check {
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (error === undefined) return { name, state: 'ok', found: `${where} is free` };
  if (error === 'EADDRINUSE') {
    return {
      name,
      state: 'fail',
      found: `${where} is in use`,
      advice: `If a node runs here already, "murky status" shows it; otherwise set ${key} to another port, or 0 for any.`,
    };
  }
  const advice =
    error === 'EACCES'
      ? `Ports below 1024 need a privilege; set ${key} to a higher one.`
      : `Set ${key.replace('port', 'host')} to an address of this machine.`;
  return { name, state: 'fail', found: `${where} cannot be bound (${error})`, advice };
}

function bindTcp({ host, port }: Endpoint): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function bindUdp({ host, port }: Endpoint): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close();
      resolve(error.code ?? error.message);
    });
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}
