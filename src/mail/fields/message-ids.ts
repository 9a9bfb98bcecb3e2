// The identifiers in Message-ID, References and In-Reply-To: RFC 5322 §3.6.4 and what else is found
// there. Quoting is undone, as RFC 5256 §3 demands, so that two ways to write one identifier give the
// same text. Total and linear.

/** Limit: an identifier is on one line. RFC 5322 §2.1.1. */
const idCharsMax = 998;

/** In order, without angle brackets, white space and quotes; at most `max`. */
export function parseMessageIds(value: string, max = Number.POSITIVE_INFINITY): string[] {
  const ids: string[] = [];
  let quoting = value.includes('"');
  let at = value.indexOf('<');
  while (at >= 0 && ids.length < max) {
    let end = quoting ? closingBracket(value, at + 1) : value.indexOf('>', at);
    if (end < 0 && quoting) {
      // A quote that nobody closed: from here on quotes mean nothing.
      quoting = false;
      end = value.indexOf('>', at);
    }
    if (end < 0) break;
    // Field: "<a@example.org <b@example.org>": the last "<" is the one that is closed.
    const inside = value.slice(quoting ? at + 1 : value.lastIndexOf('<', end) + 1, end);
    const id = unquote(inside);
    if (id !== '' && id.length <= idCharsMax) ids.push(id);
    at = value.indexOf('<', end);
  }
  return ids;
}

function closingBracket(value: string, start: number): number {
  let quoted = false;
  for (let at = start; at < value.length; at += 1) {
    const character = value[at];
    if (character === '"') quoted = !quoted;
    else if (character === '\\' && quoted) at += 1;
    else if (character === '>' && !quoted) return at;
  }
  return -1;
}

function unquote(inside: string): string {
  const text = inside.replace(/[\s\x00-\x1f\x7f]+/g, '');
  return text.includes('"') ? text.replace(/"|\\(.)/g, '$1') : text;
}
