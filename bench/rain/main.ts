/**
 * `npm run bench:rain`: what the transport reaches on the simulated network, as the tables of docs/rain.md.
 * --seeds N; --full: objects of 256 MiB, too; --disturbances: lost requests, jitter and runs of losses with several
 * servers instead; --rivals: shares beside TCP-like flows instead; --plots FOLDER: writes rain-loss.svg and
 * rain-delay.svg instead.
 * --loopback: real sockets of this machine, beside TCP.
 * --hosts HOST:PORT,... --object KEY: real servers (--key-file, --rounds, --rate-bits-per-second and --loss of each link).
 * --serve HOST:PORT --object KEY --mebibytes N: such a server, in clear, with an object that is the same everywhere.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseAddress } from '../../src/rain/address.js';
import { machineLine } from '../machine.js';
import { printDisturbances } from './disturbances.js';
import { printFetches } from './fetches.js';
import { printHosts } from './hosts.js';
import { measureLoopback } from './loopback.js';
import { efficiencyOverDelay, efficiencyOverLoss } from './plots.js';
import { printRivals } from './rivals.js';
import { serveObject } from './serve.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    full: { type: 'boolean', default: false },
    disturbances: { type: 'boolean' },
    rivals: { type: 'boolean' },
    plots: { type: 'string' },
    loopback: { type: 'boolean' },
    hosts: { type: 'string' },
    serve: { type: 'string' },
    mebibytes: { type: 'string', default: '32' },
    object: { type: 'string' },
    'key-file': { type: 'string' },
    rounds: { type: 'string', default: '5' },
    'rate-bits-per-second': { type: 'string', default: '100e6' },
    loss: { type: 'string', default: '0' },
  },
});
const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => i + 1);
const machine = machineLine();
console.log(machine);

if (values.loopback) {
  console.log(await measureLoopback(256));
} else if (values.serve !== undefined) {
  const { host, port } = parseAddress(values.serve);
  await serveObject(host, port, values.object ?? 'object', Number(values.mebibytes));
} else if (values.hosts !== undefined) {
  if (values.object === undefined) throw new Error('--hosts needs --object KEY.');
  await printHosts({
    servers: values.hosts.split(','),
    key: values.object,
    ...(values['key-file'] !== undefined && { keyFile: values['key-file'] }),
    rounds: Number(values.rounds),
    rateBitsPerSecond: Number(values['rate-bits-per-second']),
    loss: Number(values.loss),
  });
} else if (values.plots !== undefined) {
  const footer = `Simulated network, 100 Mbit/s for each server, queue 50 ms, ${seeds.length} seeds`;
  writeFileSync(join(values.plots, 'rain-loss.svg'), efficiencyOverLoss(seeds, footer));
  writeFileSync(join(values.plots, 'rain-delay.svg'), efficiencyOverDelay(seeds, footer));
} else if (values.disturbances) {
  printDisturbances(seeds);
} else if (values.rivals) {
  printRivals(seeds);
} else {
  printFetches(seeds, values.full);
}
