// Something that calls itself a report and cannot be read as one; the message says why, for the log.

export class ReportError extends Error {
  override readonly name = 'ReportError';
}

/** Limit: characters kept of a text that others chose. */
const textMax = 500;

/** One line of it, cut. */
export const shortText = (text: string): string =>
  text
    .replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\s]+/g, ' ')
    .trim()
    .slice(0, textMax);
