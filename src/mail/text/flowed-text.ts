// Text in which lines that end with a space go on in the next: RFC 3676. Linear and total.

/** The text with its paragraphs put together. `delSp`: the space is the mark alone. RFC 3676 §4.1. */
export function flowedText(text: string, delSp: boolean): string {
  if (!/ \r?\n/.test(text)) return text;
  let flowed = '';
  /** How deep the line that goes on is quoted; -1 for none. */
  let open = -1;
  for (const line of text.split('\n')) {
    const whole = line.endsWith('\r') ? line.slice(0, -1) : line;
    const depth = /^>*/.exec(whole)![0].length;
    // RFC 3676 §4.4: a space in front is not of the text.
    const stuffed = whole[depth] === ' ' ? 1 : 0;
    const content = whole.slice(depth + stuffed);
    // RFC 3676 §4.3: a signature begins on a line of its own, which is fixed.
    const isSignature = content === '-- ';
    if (depth !== open || isSignature) {
      flowed += `${flowed === '' ? '' : '\n'}${'>'.repeat(depth)}${depth > 0 ? ' ' : ''}`;
    }
    const flows = content.endsWith(' ') && !isSignature;
    flowed += flows && delSp ? content.slice(0, -1) : content;
    open = flows ? depth : -1;
  }
  return flowed;
}
