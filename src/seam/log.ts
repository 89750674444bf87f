/** Where the layers say what happens; a pino logger fits. Facts first, then one sentence. */
export interface Log {
  debug(facts: object, sentence: string): void;
  info(facts: object, sentence: string): void;
  warn(facts: object, sentence: string): void;
  error(facts: object, sentence: string): void;
}

/** The default of the library: says nothing. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };
