import { MurkyError } from '../src/errors.js';

/** What `work` fails with; that is a MurkyError. */
export async function failure(work: Promise<unknown>): Promise<MurkyError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof MurkyError) return error;
    throw error;
  }
  throw new Error('It did not fail.');
}

/** The code of the MurkyError that `work` ends with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof MurkyError) return error.code;
    throw error;
  }
  return 'it did not fail';
}
