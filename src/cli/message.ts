// What was thrown, as the one line that an operator is shown.

/** Never a stack. */
export const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!;
