// Loaded before each test file by `npm test`: every property is tried with the same cases each time, so that a change
// is judged by what it changes. `PROPERTY_SEED=random npm test` looks for new ones, `PROPERTY_SEED=N` repeats a run.
import { configureGlobal, readConfigureGlobal } from 'fast-check';

const seed = process.env.PROPERTY_SEED ?? '1';
if (seed !== 'random') configureGlobal({ ...readConfigureGlobal(), seed: Number(seed) });
