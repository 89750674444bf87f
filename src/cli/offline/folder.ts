import { resolve } from 'node:path';
import { loadConfig } from '../../config/load.js';
import type { ReportOptions } from '../options.js';

export interface FolderOptions extends ReportOptions {
  readonly config?: string;
}

/** The data folder that a command is about, and the budget that its node has. */
export function dataFolder(named: string | undefined, options: FolderOptions): { folder: string; maxBytes: number } {
  const { config } = loadConfig({ file: options.config });
  return { folder: named === undefined ? config.dataDir : resolve(named), maxBytes: config.cache.maxBytes };
}
