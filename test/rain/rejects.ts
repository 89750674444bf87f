import * as assert from 'uvu/assert';
import { type ErrorCode, MurkyError } from '../../src/errors.js';

/** The MurkyError with `code` that `run` ends with; the test fails if it ends otherwise. */
export async function failure(code: ErrorCode, run: () => unknown): Promise<MurkyError> {
  try {
    await run();
  } catch (error) {
    assert.ok(error instanceof MurkyError, `a MurkyError was expected, not ${error}`);
    assert.is(error.code, code, error.message);
    return error;
  }
  throw new Error(`nothing failed, but ${code} was expected`);
}
