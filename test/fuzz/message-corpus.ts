import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('corpus/messages/', import.meta.url));
/** Files of one decoder in the repository, and the longest of them. */
const KEPT_FILES = 40;
const KEPT_BYTES = 1024;

const folderOf = (decoder: string) => FOLDER + decoder.replaceAll(' ', '-');

/** Decoders that have messages here, as their folders are called. */
export function corpusFolders(): string[] {
  return existsSync(FOLDER) ? readdirSync(FOLDER).sort() : [];
}

export function corpusFolderOf(decoder: string): string {
  return decoder.replaceAll(' ', '-');
}

export function corpusOf(decoder: string): Buffer[] {
  const folder = folderOf(decoder);
  return existsSync(folder) ? readdirSync(folder).map((file) => readFileSync(`${folder}/${file}`)) : [];
}

/** Adds a message, unless it is long or there are many. */
export function addToCorpus(decoder: string, message: Uint8Array): void {
  const folder = folderOf(decoder);
  mkdirSync(folder, { recursive: true });
  if (message.length > KEPT_BYTES || readdirSync(folder).length >= KEPT_FILES) return;
  writeFileSync(`${folder}/${createHash('sha256').update(message).digest('hex').slice(0, 16)}`, message);
}
