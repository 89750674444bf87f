import { type OutgoingHttpHeaders, STATUS_CODES } from 'node:http';
import { isMurkyError, MurkyError } from '../errors.js';

const BUSY_RETRY_SECONDS = 1;
const RETRY_SECONDS = 5;

/** An answer that is known whole before its first byte is sent. */
export interface WholeAnswer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
}

/**
 * The problem document (RFC 9457) for an error. `type` is about:blank, so `title` is the status in words; programs tell
 * one problem from another by `code`. What is not a MurkyError is told in general terms: the log has the particulars.
 */
export function problem(error: unknown): WholeAnswer {
  const told = isMurkyError(error)
    ? error
    : new MurkyError('MURKY_INTERNAL', 'The node failed in a way that it did not expect.', {
        hint: 'Its log says more; trying again may help.',
      });
  const { status } = told;
  const document = {
    type: 'about:blank',
    title: STATUS_CODES[status],
    status,
    detail: told.message,
    code: told.code,
    ...(told.hint === undefined ? {} : { hint: told.hint }),
  };
  return {
    status,
    headers: { 'content-type': 'application/problem+json', ...statusHeaders(told) },
    body: `${JSON.stringify(document)}\n`,
  };
}

/** Headers that a status asks for: RFC 9110 sections 10.2.1, 10.2.3, 11.6.1 and 15.5.17. */
function statusHeaders(error: MurkyError): OutgoingHttpHeaders {
  switch (error.status) {
    case 401:
      return { 'www-authenticate': 'Bearer realm="murky-waters"' };
    case 405:
      return { allow: String(error.facts.allow) };
    case 416:
      return { 'content-range': `bytes */${error.facts.size}` };
    case 503:
      return { 'retry-after': String(error.code === 'MURKY_BUSY' ? BUSY_RETRY_SECONDS : RETRY_SECONDS) };
    default:
      return {};
  }
}
