import { join } from 'node:path';
import type { Files } from './files.js';
import { endsSnapshot } from './journal-record.js';

const NAME = /^(\d{8,10})\.(log|snapshot)$/;

export type JournalFileKind = 'log' | 'snapshot';

/** What is in the folder of a journal, ascending. Replayed are the newest whole snapshot, then `logs` from it on. */
export interface JournalContents {
  readonly logs: readonly number[];
  readonly snapshots: readonly number[];
  /** The newest generation whose snapshot is whole. */
  readonly base: number | undefined;
}

/** The files of an index journal, by generation: a log of changes, and the snapshot of the index that it goes on from. */
export class JournalFiles {
  constructor(
    readonly files: Files,
    readonly folder: string,
  ) {}

  path(generation: number, kind: JournalFileKind): string {
    return join(this.folder, `${String(generation).padStart(8, '0')}.${kind}`);
  }

  async contents(): Promise<JournalContents> {
    const logs: number[] = [];
    const snapshots: number[] = [];
    const names = await this.files.list(this.folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return [];
    });
    for (const name of names) {
      const [, digits, kind] = NAME.exec(name) ?? [];
      if (digits) (kind === 'log' ? logs : snapshots).push(Number(digits));
    }
    logs.sort((a, b) => a - b);
    snapshots.sort((a, b) => a - b);
    let base: number | undefined;
    for (const generation of snapshots.toReversed()) {
      base ??= (await this.#isWhole(generation)) ? generation : undefined;
    }
    return { logs, snapshots, base };
  }

  /** Bytes of the files of these generations. */
  async bytes(kind: JournalFileKind, generations: readonly number[]): Promise<number> {
    let bytes = 0;
    for (const generation of generations) bytes += await this.#sizeOf(generation, kind);
    return bytes;
  }

  async remove(kind: JournalFileKind, generations: readonly number[]): Promise<void> {
    for (const generation of generations) await this.files.unlink(this.path(generation, kind));
  }

  async #isWhole(generation: number): Promise<boolean> {
    const file = await this.files.open(this.path(generation, 'snapshot'), 'existing');
    try {
      return await endsSnapshot(file);
    } finally {
      await file.close();
    }
  }

  async #sizeOf(generation: number, kind: JournalFileKind): Promise<number> {
    const file = await this.files.open(this.path(generation, kind), 'existing');
    try {
      return await file.size();
    } finally {
      await file.close();
    }
  }
}
