// Why a store could not be opened: for the operator, in one line that says what to do.

export type OpenProblem =
  | 'in-use'
  | 'damaged'
  | 'newer'
  | 'no-access'
  | 'no-room'
  /** Everything in it was moved to another store. */
  | 'moved'
  /** A move to it is not finished. */
  | 'moving';

export class StoreOpenError extends Error {
  override readonly name = 'StoreOpenError';
  readonly problem: OpenProblem;

  constructor(problem: OpenProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.problem = problem;
  }
}
