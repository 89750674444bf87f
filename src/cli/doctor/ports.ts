import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { MurkyConfig } from '../../config/contract.js';
import { hostAndPort } from '../../config/loopback.js';
import type { NodeStatus } from '../../node/contract.js';
import { addressOf, readToken } from '../http/node-address.js';
import { NodeClient } from '../http/node-client.js';
import type { Check } from './check.js';

const ASK_TIMEOUT_MS = 2000;

/** Whether the configured ports can be bound, by binding them for a moment; a node that runs already may have them. */
export async function portChecks({ http, pouringRain }: MurkyConfig): Promise<Check[]> {
  const [tcp, udp] = [await bindTcp(http), await bindUdp(pouringRain)];
  const node = tcp === 'EADDRINUSE' ? await runningNode(http) : undefined;
  const ours = node?.rain.port === pouringRain.port;
  return [
    node ? heldBy(node, 'http port', http) : outcome('http port', 'http.port', http, tcp),
    ours ? heldBy(node, 'rain port', pouringRain) : outcome('rain port', 'pouring-rain.port', pouringRain, udp),
  ];
}

/** The status of the node that listens there, if it is one and tells. */
async function runningNode(http: MurkyConfig['http']): Promise<NodeStatus | undefined> {
  const { url, tokenFile } = addressOf(http);
  try {
    const token = tokenFile === null ? undefined : await readToken(tokenFile);
    const signal = AbortSignal.timeout(ASK_TIMEOUT_MS);
    return await new NodeClient({ url, token, idleTimeoutMs: ASK_TIMEOUT_MS, signal }).status();
  } catch {
    return undefined;
  }
}

function heldBy(node: NodeStatus, name: string, { host, port }: Endpoint): Check {
  return { name, state: 'ok', found: `${hostAndPort(host, port)} is held by the node ${node.id}, which runs` };
}

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

function outcome(name: string, key: string, { host, port }: Endpoint, error: string | undefined): Check {
  const where = hostAndPort(host, port);
  if (error === undefined) return { name, state: 'ok', found: `${where} is free` };
  if (error === 'EADDRINUSE') {
    return {
      name,
      state: 'fail',
      found: `${where} is in use`,
      advice: `Stop what holds it, or set ${key} to another port, or to 0 for any.`,
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
