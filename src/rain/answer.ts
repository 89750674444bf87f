import { ERROR_CODES, type ErrorCode, MurkyError } from '../errors.js';
import { formatAddress } from './address.js';
import type { Address } from './contract.js';

/**
 * Bytes behind the first one of a request (its kind) or of an answer (its status) that is sent: a request of so many is a
 * datagram of 1232 bytes, which passes where no more than IPv6's least MTU of 1280 does (RFC 8200, section 5), so that
 * nothing has to be found out for it.
 */
export const MAX_BODY_BYTES = 1171;
const STATUS_DONE = 0;
const STATUS_FAILED = 1;

/** 0, and the body. */
export function doneAnswer(body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(STATUS_DONE), body]);
}

/** 1, the length of an error code (1 byte), the code, and a sentence in UTF-8, cut where it does not fit. */
export function errorAnswer(code: ErrorCode, sentence: string): Buffer {
  const head = Buffer.from([STATUS_FAILED, code.length, ...Buffer.from(code, 'latin1')]);
  const room = MAX_BODY_BYTES + 1 - head.length;
  let text = Buffer.from(sentence, 'utf8');
  if (text.length > room) {
    let end = room;
    while (end > 0 && ((text[end] ?? 0) & 0xc0) === 0x80) end--; // not within a character
    text = text.subarray(0, end);
  }
  return Buffer.concat([head, text]);
}

/** The body of an answer; throws the error that it carries, or MURKY_BAD_MESSAGE. */
export function openAnswer(payload: Uint8Array, from: Address): Uint8Array {
  const status = payload[0];
  if (status === STATUS_DONE) return payload.subarray(1);
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const codeEnd = 2 + (bytes[1] ?? 0);
  const code = bytes.toString('latin1', 2, codeEnd);
  if (status !== STATUS_FAILED || codeEnd > bytes.length || !Object.hasOwn(ERROR_CODES, code)) {
    throw new MurkyError('MURKY_BAD_MESSAGE', `${formatAddress(from)} sent an answer that makes no sense.`);
  }
  throw new MurkyError(code as ErrorCode, bytes.toString('utf8', codeEnd), {
    facts: { address: formatAddress(from) },
  });
}
