// Comments of structured fields. RFC 5322 §3.2.2: they may stand nearly anywhere, nest, and mean
// nothing to programs. Total and linear.

// RFC 5322 §3.2.1: quoted-pair = "\" (VCHAR / WSP); §3.2.4: in a quoted string parentheses are text.
const tokens = /\\.?|["()]|[^\\"()]+/gs;

/** `value` with every comment replaced by a space; what stands in quotes is left alone. */
export function withoutComments(value: string): string {
  if (!value.includes('(')) return value;
  let text = '';
  let depth = 0;
  let quoted = false;
  for (const [token] of value.matchAll(tokens)) {
    if (!quoted && token === '(') {
      depth += 1;
      if (depth === 1) text += ' ';
    } else if (!quoted && token === ')' && depth > 0) {
      depth -= 1;
    } else if (depth === 0) {
      if (token === '"') quoted = !quoted;
      text += token;
    }
  }
  return text;
}
