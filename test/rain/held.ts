import type { HeldBlock } from '../../src/native/addon.js';
import { type Sha256, sha256Here } from '../../src/seam/digest.js';

/** A block as the native loop hands it over, of bytes that the test has; hashed on the JavaScript thread. */
export function held(
  bytes: Uint8Array,
  sha256: Sha256 = sha256Here,
): HeldBlock & { readonly state: 'held' | 'taken' | 'dropped' } {
  let state: 'held' | 'taken' | 'dropped' = 'held';
  const get = () => {
    if (state !== 'held') throw new Error(`The block was ${state} before.`);
    return bytes;
  };
  return {
    get length() {
      return state === 'held' ? bytes.length : 0;
    },
    get state() {
      return state;
    },
    sha256: async () => await sha256(get()),
    sha256Together: async (others) => {
      get();
      return [await sha256(bytes), ...(await Promise.all(others.map((other) => other.sha256())))];
    },
    take: () => {
      const taken = get();
      state = 'taken';
      return taken;
    },
    copy: () => Uint8Array.from(get()),
    drop: () => {
      if (state === 'held') state = 'dropped';
    },
  };
}
