/**
 * npm run sim:linearizability -- --seeds N [--seed FIRST] [--break HOW] [--registry swim|etcd]: records N histories of quorum puts, reads and
 * deletes in the simulated world and checks each. Exits with 1 if one is not linearizable, and prints it.
 */
import { parseArgs } from 'node:util';
import { BREAKS, type Break, REGISTRIES, runEpisode } from './episode.js';
import { describeHistory } from './history.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    break: { type: 'string' },
    registry: { type: 'string', default: 'swim' },
  },
});
const first = whole('seed', values.seed ?? '1');
const count = whole('seeds', values.seeds ?? '1');
const broken = values.break;
if (broken !== undefined && !Object.hasOwn(BREAKS, broken)) {
  fail(`--break knows: ${Object.entries(BREAKS).map(([name, about]) => `\n  ${name}: ${about}`)}`);
}

const registry =
  REGISTRIES.find((one) => one === values.registry) ?? fail(`--registry knows ${REGISTRIES.join(', ')}.`);

const started = performance.now();
const faults: Record<string, number> = {};
let operations = 0;
let unknown = 0;
let wrong = 0;
for (let seed = first; seed < first + count; seed++) {
  const episode = await runEpisode(seed, broken as Break | undefined, registry).catch((error) => {
    throw new Error(`Seed ${seed} did not end well.`, { cause: error });
  });
  if (seed % 500 === 0) console.log(`seed ${seed}: ${wrong} not linearizable so far`);
  operations += episode.operations.length;
  unknown += episode.operations.filter(({ end }) => end === Number.POSITIVE_INFINITY).length;
  for (const [fault, times] of Object.entries(episode.faults)) faults[fault] = (faults[fault] ?? 0) + times;
  if (episode.verdict.linearizable) continue;
  wrong += 1;
  console.log(`seed ${seed} is not linearizable; replay it with --seed ${seed}. Moments, client, operation:`);
  console.log(describeHistory(episode.operations));
}
const seconds = ((performance.now() - started) / 1000).toFixed(1);
console.log(`${count} histories from seed ${first} on: ${operations} operations, ${unknown} of them without an answer`);
console.log(
  Object.entries(faults)
    .map(([fault, times]) => `${fault} ${times}`)
    .join(', '),
);
console.log(`${wrong === 0 ? 'all linearizable' : `${wrong} NOT linearizable`}, ${seconds} s`);
process.exitCode = wrong === 0 ? 0 : 1;

function whole(name: string, text: string): number {
  return /^[1-9][0-9]{0,8}$/.test(text) ? Number(text) : fail(`--${name} is a whole number from 1.`);
}

function fail(sentence: string): never {
  console.error(sentence);
  process.exit(2);
}
