// What was thrown, as text: for a log line, or for the reason why something did not work.

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** As the one line that an operator is shown. */
export const firstLineOf = (error: unknown): string => messageOf(error).split('\n', 1)[0]!;

/** With the way there, for what nobody foresaw. */
export const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
