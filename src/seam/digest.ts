import { hash } from 'node:crypto';

/** The SHA-256 of bytes that do not change until it resolves. */
export type Sha256 = (bytes: Uint8Array) => Promise<Uint8Array>;

/** On the JavaScript thread, at once: what a simulation in virtual time needs. */
export const sha256Here: Sha256 = async (bytes) => hash('sha256', bytes, 'buffer');
