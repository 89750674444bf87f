import { MurkyError } from '../errors.js';

export const VERSION_BYTES = 16;

/**
 * The version of an object: a hybrid logical clock reading and the id of the node that wrote it. Of two versions the
 * newer is the one with the greater time, then the greater node id.
 */
export interface Version {
  /** 48 bits of wall-clock milliseconds, then 16 bits of logical counter. */
  readonly time: bigint;
  /** 64-bit node id. */
  readonly node: bigint;
}

/** Year 10600 or so: a clock that had seen a later version could not go on from it. */
export const MAX_VERSION_TIME = 2n ** 64n - 2n ** 60n;

/** Negative if `a` is older than `b`, 0 if they are the same version, positive if newer. */
export function compareVersions(a: Version, b: Version): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  if (a.node !== b.node) return a.node < b.node ? -1 : 1;
  return 0;
}

/** 16 bytes, big-endian: byte order is version order. */
export function versionToBytes(version: Version): Buffer {
  const bytes = Buffer.alloc(VERSION_BYTES);
  bytes.writeBigUInt64BE(version.time, 0);
  bytes.writeBigUInt64BE(version.node, 8);
  return bytes;
}

export function versionFromBytes(bytes: Uint8Array, offset = 0): Version {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (offset + VERSION_BYTES > bytes.byteLength) {
    throw new MurkyError('MURKY_BAD_MESSAGE', 'A version was cut short.');
  }
  return { time: view.getBigUint64(offset), node: view.getBigUint64(offset + 8) };
}

/** A version as somebody tells of it: MURKY_BAD_MESSAGE over {@link MAX_VERSION_TIME}, too. */
export function toldVersion(bytes: Uint8Array, offset = 0): Version {
  const version = versionFromBytes(bytes, offset);
  if (version.time > MAX_VERSION_TIME) throw new MurkyError('MURKY_BAD_MESSAGE', 'A version is out of range.');
  return version;
}

/** 32 hexadecimal digits; text order is version order. */
export function versionToText(version: Version): string {
  return versionToBytes(version).toString('hex');
}

export function versionFromText(text: string): Version {
  if (!/^[0-9a-f]{32}$/.test(text)) {
    throw new MurkyError('MURKY_BAD_REQUEST', 'A version is written as 32 lower-case hexadecimal digits.');
  }
  return versionFromBytes(Buffer.from(text, 'hex'));
}
