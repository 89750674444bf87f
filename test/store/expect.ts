import * as assert from 'uvu/assert';
import { isMurkyError, type MurkyError } from '../../src/errors.js';

export async function rejects(work: Promise<unknown> | (() => Promise<unknown>), code: string): Promise<MurkyError> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    assert.ok(isMurkyError(error), String(error));
    assert.is(error.code, code, error.message);
    return error;
  }
  throw assert.unreachable(`expected ${code}`);
}

/** Lets what runs in the background get its turn. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 30));
}

export async function eventually(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.unreachable('it did not come about within 5 seconds');
}
