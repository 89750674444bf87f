// The decoders that are written in TypeScript (manifest, lookup, cluster messages), fed for --seconds=N (60) with
// messages that were changed, cut, lengthened and spliced. A message that has code of src run that none had before is kept, and others are made of it; the first are those of the corpus (test/fuzz/corpus/messages), to which --keep adds
// what was kept. The seed is printed, so that a run can be repeated: --seed=N.

import { seededRandom } from '../simulation/virtual-clock.js';
import { Coverage, type Reached } from './coverage.js';
import { decoders } from './decoders.js';
import { judge } from './judge.js';
import { addToCorpus, corpusOf } from './message-corpus.js';
import { mutated } from './mutate.js';

const option = (name: string) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? undefined;
const seconds = Number(option('seconds') ?? 60);
const seed = Number(option('seed') ?? Date.now() % 2 ** 32);
const keep = process.argv.includes('--keep');
const random = seededRandom(seed);
/** A look at the coverage costs as much as some hundred messages. */
const BATCH = 1000;
const MOST_KEPT = 1000;

console.log(`seed ${seed}`);
const coverage = new Coverage('/src/');
const lines = decoders.map((decoder) => {
  const first: Uint8Array[] = [...decoder.examples, ...corpusOf(decoder.name)];
  const reached: Reached = new Map();
  coverage.look(new Map(), false); // what ran before
  for (const message of first) judge(decoder, message);
  coverage.look(reached, true);
  return { decoder, messages: [...first], reached, tried: 0, taken: 0, kept: 0 };
});
const end = Date.now() + seconds * 1000;
while (Date.now() < end) {
  for (const line of lines) {
    const batch = Array.from({ length: BATCH }, () => mutated(line.messages, random));
    line.tried += batch.length;
    for (const message of batch) line.taken += Number(judge(line.decoder, message) === 'taken');
    if (!coverage.look(line.reached, false)) continue;
    for (const message of batch) {
      judge(line.decoder, message);
      if (!coverage.look(line.reached, true) || line.messages.length >= MOST_KEPT) continue;
      line.messages.push(message);
      line.kept++;
      if (keep) addToCorpus(line.decoder.name, message);
    }
  }
}
coverage.close();
for (const { decoder, tried, taken, kept } of lines) {
  console.log(`${decoder.name}: ${tried} tried, ${taken} taken, ${kept} reached something new`);
}
