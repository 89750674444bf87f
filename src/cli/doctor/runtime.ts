import { readFileSync } from 'node:fs';
import { isMurkyError } from '../../errors.js';
import { addon } from '../../native/addon.js';
import type { Check } from './check.js';

/** Node, the addon and what the addon chose for this machine. */
export function runtimeChecks(): Check[] {
  return [nodeVersion(), ...nativeChecks()];
}

function nodeVersion(): Check {
  const { engines } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    engines: { node: string };
  };
  const least = Number(/\d+/.exec(engines.node)?.[0]);
  const found = `${process.versions.node} on ${process.platform}-${process.arch}`;
  if (Number.parseInt(process.versions.node, 10) >= least) return { name: 'node', state: 'ok', found };
  return { name: 'node', state: 'fail', found, advice: `Install Node.js ${least} or newer.` };
}

function nativeChecks(): Check[] {
  try {
    const native = addon();
    const kernel = native.kernelName();
    const features = native.transportFeatures();
    return [
      { name: 'addon', state: 'ok', found: 'loads' },
      kernel === 'scalar'
        ? {
            name: 'kernel',
            state: 'warn',
            found: kernel,
            advice: 'This processor has no vector unit that is known here; coding is slow.',
          }
        : { name: 'kernel', state: 'ok', found: kernel },
      features.crypto
        ? { name: 'crypto', state: 'ok', found: features.crypto }
        : {
            name: 'crypto',
            state: 'fail',
            found: 'no AES-128-GCM',
            advice: 'Use the Node.js of nodejs.org or of a distribution, whose OpenSSL is visible to addons.',
          },
      socketFeatures(features),
      ...bufferChecks(features),
    ];
  } catch (error) {
    return [
      {
        name: 'addon',
        state: 'fail',
        found: (error as Error).message,
        advice: (isMurkyError(error) && error.hint) || 'Run "npm run build:native" in the package folder.',
      },
    ];
  }
}

interface Features {
  batchedSocket: boolean;
  gso: boolean;
  gro: boolean;
  receiveBufferBytes: number;
  sendBufferBytes: number;
}

function socketFeatures({ batchedSocket, gso, gro }: Features): Check {
  const have = [batchedSocket && 'batches', gso && 'GSO', gro && 'GRO'].filter(Boolean).join(', ');
  if (batchedSocket && gso && gro) return { name: 'socket', state: 'ok', found: have };
  return {
    name: 'socket',
    state: 'warn',
    found: have || 'one datagram a call',
    advice: 'Linux 5.0 or newer sends and receives many datagrams at once (UDP GSO and GRO).',
  };
}

/** What arrives in 100 ms at 1 Gbit/s: so long may the receiving thread be kept waiting and nothing is lost. */
const WANTED_RECEIVE_BYTES = (1e9 / 8) * 0.1;
/** A send buffer holds only what the network card has not taken yet. */
const WANTED_SEND_BYTES = 2 ** 20;

function bufferChecks({ receiveBufferBytes, sendBufferBytes }: Features): Check[] {
  const check = (name: string, bytes: number, wanted: number, setting: string): Check => {
    const found = `${bytes} bytes`;
    if (bytes >= wanted) return { name, state: 'ok', found };
    const command =
      process.platform === 'linux'
        ? `sudo sysctl -w ${setting}=${2 ** Math.ceil(Math.log2(wanted / 2))}`
        : `raise ${setting}`;
    return { name, state: 'warn', found: `${found}; ${wanted} would do for 1 Gbit/s at 100 ms`, advice: `${command}` };
  };
  const [receive, send] =
    process.platform === 'linux'
      ? ['net.core.rmem_max', 'net.core.wmem_max']
      : ['kern.ipc.maxsockbuf', 'kern.ipc.maxsockbuf'];
  return [
    check('receive buffer', receiveBufferBytes, WANTED_RECEIVE_BYTES, receive!),
    check('send buffer', sendBufferBytes, WANTED_SEND_BYTES, send!),
  ];
}
