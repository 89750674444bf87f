import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inFolder } from './beds.js';
import { checkStates } from './crash-states/check-states.js';
import { readRecording } from './crash-states/recording-file.js';

/** `npm run sim:leveldb` looks at the states after each operation; here at those after a few. */
const EVERY = 97;

test('in the states that a power cut leaves of LevelDB, journal and segments, each key is old or new', async () => {
  await inFolder(async (folder) => {
    const operations = readRecording();
    const { states, failures } = await checkStates(
      operations,
      (after) => after % EVERY === 0,
      folder,
      () => {},
    );
    assert.equal(failures, []);
    assert.ok(states > 10, `${states} states`);
  });
});

test.run();
