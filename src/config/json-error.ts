// Where a JSON text stops being JSON. RFC 8259. The engine's own errors often leave the position
// out, and an operator with a long file needs it. Only called for text that did not parse.

export interface JsonError {
  readonly offset: number;
  /** What would have been right there. */
  readonly expected: string;
}

/** Nothing else is nested as deep as this. */
const depthMax = 1000;

export function findJsonError(text: string): JsonError {
  const reader = new JsonReader(text);
  try {
    reader.value(0);
    reader.end();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
  }
  return { offset: reader.offset, expected: reader.expected };
}

class Stop extends Error {}

class JsonReader {
  readonly #text: string;
  offset = 0;
  expected = '';

  constructor(text: string) {
    this.#text = text;
  }

  fail(expected: string): never {
    this.expected = expected;
    throw new Stop();
  }

  end(): never {
    this.#skip();
    return this.fail('nothing more');
  }

  value(depth: number): void {
    if (depth > depthMax) this.fail('less nesting');
    if (this.#take(/\{/y)) this.#list('}', depth, true);
    else if (this.#take(/\[/y)) this.#list(']', depth, false);
    else if (!this.#take(/true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y))
      this.#string('a value');
  }

  #list(end: string, depth: number, named: boolean): void {
    const close = end === '}' ? /\}/y : /\]/y;
    if (this.#take(close)) return;
    do {
      if (named) {
        this.#string('a name in double quotes');
        if (!this.#take(/:/y)) this.fail("':'");
      }
      this.value(depth + 1);
    } while (this.#take(/,/y));
    if (!this.#take(close)) this.fail(`',' or '${end}'`);
  }

  #string(expected: string): void {
    if (!this.#take(/"/y)) this.fail(expected);
    this.offset = stringEnd(this.#text, this.offset);
    if (this.#text[this.offset] !== '"') this.fail('the end of the text in quotes');
    this.offset += 1;
  }

  #take(pattern: RegExp): boolean {
    this.#skip();
    pattern.lastIndex = this.offset;
    if (!pattern.test(this.#text)) return false;
    this.offset = pattern.lastIndex;
    return true;
  }

  #skip(): void {
    while (' \t\r\n'.includes(this.#text[this.offset] ?? 'x')) this.offset += 1;
  }
}

/** The offset of the closing quote, or of what may not be in a string. */
function stringEnd(text: string, start: number): number {
  const plain = /(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*/y;
  plain.lastIndex = start;
  plain.test(text);
  return plain.lastIndex;
}
