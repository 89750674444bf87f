/** What the doctor found of one thing. `fail`: a node will not run; `warn`: it will, but not as it could. */
export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warn' | 'fail';
  /** What is there: a few words or a sentence. */
  readonly found: string;
  /** What to do about it, where there is something to do. */
  readonly advice?: string;
}
