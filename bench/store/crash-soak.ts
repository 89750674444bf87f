/**
 * `npm run soak:crash -- --puts N --kills M --seed S`: kills under load of a cluster of three processes, one at a time, now
 * and then two or all of them at once; see CrashCluster. Exit code 1 if anything that was acknowledged is lost, torn or
 * has gone back. Ctrl-C ends it early, with a last look.
 */
import { parseArgs } from 'node:util';
import { CrashCluster } from '../../test/e2e/crash-cluster.js';
import { cleanUp } from '../../test/e2e/node-process.js';

const WRITERS = 8;
const CHECK_EVERY_KILLS = 50;
const PROGRESS_EVERY_MS = 30_000;

const { values } = parseArgs({
  options: {
    puts: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '100' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
const cluster = await CrashCluster.start({
  writers: WRITERS,
  puts: Number(values.puts),
  kills: Number(values.kills),
  checkEveryKills: CHECK_EVERY_KILLS,
  seed: Number(values.seed),
});
process.once('SIGINT', () => {
  cluster.interrupted = true;
});
const started = Date.now();
console.log(`seed ${values.seed}: ${values.puts} puts, ${values.kills} kills`);
const told = setInterval(() => console.log(progress()), PROGRESS_EVERY_MS);
try {
  await cluster.run();
} finally {
  clearInterval(told);
  await cleanUp();
}
console.log(`${progress()}${cluster.interrupted ? ' (interrupted)' : ''}`);
for (const problem of cluster.problems.slice(0, 20)) console.log(problem);
process.exit(cluster.problems.length === 0 ? 0 : 1);

function progress(): string {
  return `${Math.round((Date.now() - started) / 1000)} s: ${cluster.summary()}`;
}
