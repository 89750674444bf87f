/**
 * Every failure that reaches a user has one of these codes. A code is stable: programs may match on it.
 * `status` is the HTTP status the gateway answers with, `exit` the exit code of `murky`.
 */
export const ERROR_CODES = {
  MURKY_BAD_KEY: { status: 400, exit: 2 },
  MURKY_BAD_REQUEST: { status: 400, exit: 2 },
  MURKY_BAD_CONFIG: { status: 500, exit: 2 },
  MURKY_BAD_USAGE: { status: 400, exit: 2 },
  MURKY_BAD_ARGUMENT: { status: 400, exit: 2 },
  MURKY_UNAUTHORIZED: { status: 401, exit: 1 },
  MURKY_FORBIDDEN: { status: 403, exit: 1 },
  MURKY_NOT_FOUND: { status: 404, exit: 3 },
  MURKY_METHOD_NOT_ALLOWED: { status: 405, exit: 2 },
  MURKY_REQUEST_TIMEOUT: { status: 408, exit: 1 },
  MURKY_ID_TAKEN: { status: 409, exit: 1 },
  MURKY_SUPERSEDED: { status: 409, exit: 1 },
  MURKY_HAS_LEFT: { status: 409, exit: 1 },
  MURKY_LENGTH_REQUIRED: { status: 411, exit: 2 },
  MURKY_PRECONDITION_FAILED: { status: 412, exit: 1 },
  MURKY_TOO_LARGE: { status: 413, exit: 1 },
  MURKY_RANGE_NOT_SATISFIABLE: { status: 416, exit: 2 },
  MURKY_HEADERS_TOO_LARGE: { status: 431, exit: 2 },
  MURKY_INTERNAL: { status: 500, exit: 1 },
  MURKY_BLOCK_CORRUPT: { status: 500, exit: 1 },
  MURKY_NOT_SUPPORTED: { status: 501, exit: 2 },
  MURKY_VERSION_CONFLICT: { status: 502, exit: 1 },
  MURKY_POLLUTED: { status: 502, exit: 1 },
  MURKY_NO_QUORUM: { status: 503, exit: 1 },
  MURKY_NO_REGISTRY: { status: 503, exit: 1 },
  MURKY_NO_SERVER: { status: 503, exit: 1 },
  MURKY_TIMEOUT: { status: 503, exit: 1 },
  MURKY_BUSY: { status: 503, exit: 1 },
  MURKY_CLOSED: { status: 503, exit: 1 },
  MURKY_DRAINING: { status: 503, exit: 1 },
  MURKY_STORE_FULL: { status: 507, exit: 1 },
  MURKY_DISK_FULL: { status: 507, exit: 1 },
  MURKY_DATA_DIR_LOCKED: { status: 500, exit: 1 },
  MURKY_DATA_DIR_UNUSABLE: { status: 500, exit: 1 },
  MURKY_FILE_UNUSABLE: { status: 500, exit: 1 },
  MURKY_ADDRESS_IN_USE: { status: 500, exit: 1 },
  MURKY_ADDRESS_UNUSABLE: { status: 500, exit: 1 },
  MURKY_ADDON_MISSING: { status: 500, exit: 1 },
  MURKY_NO_CRYPTO: { status: 500, exit: 1 },
  MURKY_INSECURE_REFUSED: { status: 500, exit: 1 },
  MURKY_BAD_CLUSTER_KEY: { status: 500, exit: 1 },
  MURKY_NODE_UNREACHABLE: { status: 503, exit: 1 },
  MURKY_BAD_SYMBOL: { status: 400, exit: 1 },
  MURKY_BAD_ESI: { status: 400, exit: 1 },
  MURKY_SYMBOL_CONFLICT: { status: 400, exit: 1 },
  MURKY_NEED_MORE_SYMBOLS: { status: 503, exit: 1 },
  MURKY_BLOCK_TAKEN: { status: 409, exit: 1 },
  MURKY_BAD_MESSAGE: { status: 502, exit: 1 },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface MurkyErrorOptions {
  /** What the person can do about it: one sentence. */
  hint?: string;
  cause?: unknown;
  /** Facts for programs: peer addresses, limits, counts. JSON values only. */
  facts?: Record<string, unknown>;
}

/** The one error class of the package. `message` is one clear sentence, made to be shown to a person. */
export class MurkyError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly facts: Record<string, unknown>;

  constructor(code: ErrorCode, sentence: string, options: MurkyErrorOptions = {}) {
    super(sentence, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MurkyError';
    this.code = code;
    this.hint = options.hint;
    this.facts = options.facts ?? {};
  }

  /** HTTP status for the gateway. */
  get status(): number {
    return ERROR_CODES[this.code].status;
  }

  /** Exit code for the command line: 1 failed, 2 wrong usage, 3 not found. */
  get exitCode(): number {
    return ERROR_CODES[this.code].exit;
  }
}

/** True for a MurkyError, of one code if one is named. */
export function isMurkyError(error: unknown, code?: ErrorCode): error is MurkyError {
  return error instanceof MurkyError && (code === undefined || error.code === code);
}
