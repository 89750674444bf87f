/** What each checker holds; `--break` plants a fault for some of them. */
export type Checker =
  | 'acknowledged writes'
  | 'deletes'
  | 'reads'
  | 'order'
  | 'convergence'
  | 'budgets'
  | 'moved objects'
  | 'operations';

/** A promise that was not kept. */
export class Violation extends Error {
  constructor(
    readonly checker: Checker,
    what: string,
  ) {
    super(what);
    this.name = 'Violation';
  }
}
