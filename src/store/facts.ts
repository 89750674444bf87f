import { MurkyError } from '../errors.js';
import type { FactStore } from './contract.js';
import type { Database } from './database.js';
import { fieldText, textKey, textRange } from './index-keys.js';
import { type Passage, paged } from './paging.js';

export const MAX_FACT_KEY_BYTES = 1024;
export const MAX_FACT_BYTES = 2 ** 20;
const PAGE_FACTS = 16;

/** Facts of the layers above, in the index table. */
export class Facts implements FactStore {
  constructor(
    private readonly database: Database,
    private readonly read: Passage,
    private readonly write: Passage,
  ) {}

  async get(key: string): Promise<Uint8Array | undefined> {
    return await this.read(() => this.database.index.get(textKey('fact', key)));
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    if (Buffer.byteLength(key, 'utf8') > MAX_FACT_KEY_BYTES || value.length > MAX_FACT_BYTES || !key.isWellFormed()) {
      throw new MurkyError(
        'MURKY_BAD_ARGUMENT',
        `A fact has a key of at most ${MAX_FACT_KEY_BYTES} bytes of Unicode and at most ${MAX_FACT_BYTES} bytes.`,
      );
    }
    // Copied: the caller may use its buffer again while the batch waits for its turn.
    const change = { type: 'put', key: textKey('fact', key), value: Uint8Array.from(value) } as const;
    await this.write(() => this.database.indexQueue.write([change], { sync: true }));
  }

  async delete(key: string): Promise<void> {
    await this.write(() =>
      this.database.indexQueue.write([{ type: 'del', key: textKey('fact', key) }], { sync: true }),
    );
  }

  async *entries(prefix: string): AsyncGenerator<[key: string, value: Uint8Array]> {
    for await (const [key, value] of paged(
      () => this.database.index,
      textRange('fact', prefix),
      this.read,
      PAGE_FACTS,
    )) {
      yield [fieldText(key), value];
    }
  }
}
