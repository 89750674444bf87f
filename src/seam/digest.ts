import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** The SHA-256 of bytes that do not change until it resolves. */
export type Sha256 = (bytes: Uint8Array) => Promise<Uint8Array>;

/** On the JavaScript thread, at once: what a simulation in virtual time needs. */
export const sha256Here: Sha256 = async (bytes) => hash('sha256', bytes, 'buffer');

/** The CRC-32 of ISO 3309, as in gzip. */
export type Crc32 = (bytes: Uint8Array) => number;

export const crc32Here: Crc32 = (bytes) => crc32(bytes);
