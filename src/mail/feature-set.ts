// Media feature sets: what a device can show, as an expression over features of content, for instance
// `(& (color=binary) (dpi=[100,200]))`. RFC 2533 §4.1, with the correction of RFC 2738 §2. Only whether an
// expression is well-formed is known here: nothing is matched, for nothing is converted.

/** Limit: of one expression. Those of the RFCs have less than a thousand characters. */
export const featureSetCharsMax = 4_000;
/** Limit: how deep expressions lie in each other. */
const depthMax = 32;

/** Whether it is a `filter`, with whitespace between its tokens where one likes. */
export function isFeatureSet(text: string): boolean {
  if (text.length > featureSetCharsMax) return false;
  const reader = new FilterReader(text);
  return reader.filter(0) && reader.atEnd;
}

// RFC 2506 §3.1: ftag; `u.` with a URI is a tag, too.
const attribute = /[a-z][a-z0-9!$%&*+./:?@^_`{}~-]*/iy;
const comparison = /<=|>=|=/y;
// fvalue = Boolean / number / token / string
const value =
  /"[\x20\x21\x23-\x7e]*"|[-+]?\d+(?:\/\d+|\.(?!\.)\d*)?|[a-z][a-z0-9!#$%&*+./:?@^_`{}~-]*/iy;
// parameter = "q" "=" qvalue / ext-param "=" ext-value
const parameter = /[a-z][a-z0-9-]*\s*=\s*(?:"[\x20\x21\x23-\x7e]*"|[a-z0-9.+-]+)/iy;
const blank = /\s*/y;

class FilterReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    this.#skip();
    return this.#at === this.#text.length;
  }

  /** filter = "(" filtercomp *( ";" parameter ) ")" */
  filter(depth: number): boolean {
    if (depth > depthMax || !this.#sign('(') || !this.#content(depth)) return false;
    while (this.#sign(';')) if (!this.#token(parameter)) return false;
    return this.#sign(')');
  }

  /** filtercomp = and / or / not / set / item */
  #content(depth: number): boolean {
    if (this.#sign('!')) return this.filter(depth + 1);
    if (this.#sign('&') || this.#sign('|')) {
      let any = false;
      while (this.#isNext('(')) {
        if (!this.filter(depth + 1)) return false;
        any = true;
      }
      return any;
    }
    if (!this.#token(attribute) || !this.#token(comparison)) return false;
    return this.#isNext('[') ? this.#set() : this.#token(value);
  }

  /** set = attr "=" "[" setentry *( "," setentry ) "]"; setentry = value / range. RFC 2738 §2. */
  #set(): boolean {
    this.#sign('[');
    do {
      if (!this.#token(value)) return false;
      if (this.#sign('..') && !this.#token(value)) return false;
    } while (this.#sign(','));
    return this.#sign(']');
  }

  #isNext(sign: string): boolean {
    this.#skip();
    return this.#text.startsWith(sign, this.#at);
  }

  #sign(sign: string): boolean {
    if (!this.#isNext(sign)) return false;
    this.#at += sign.length;
    return true;
  }

  #token(form: RegExp): boolean {
    this.#skip();
    return this.#match(form);
  }

  #skip(): void {
    this.#match(blank);
  }

  #match(form: RegExp): boolean {
    form.lastIndex = this.#at;
    const found = form.exec(this.#text);
    if (found === null) return false;
    this.#at += found[0].length;
    return true;
  }
}
