// Macros in SPF records: RFC 7208 §7. Parsed once, expanded with what is known of the client.

/** Text as it is, or one macro. RFC 7208 §7.1 */
type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'macro';
      readonly letter: string;
      /** The letter is in upper case: the value is escaped as in a URL. */
      readonly escaped: boolean;
      /** How many parts on the right are kept; undefined: all. */
      readonly parts: number | undefined;
      readonly reversed: boolean;
      readonly delimiters: string;
    };

export type MacroString = readonly Piece[];

/** What the letters stand for. Asked for only where a macro names it. */
export type MacroValues = (letter: string) => string | Promise<string>;

const macro = /%(?:\{([slodiphcrtv])(\d*)(r?)([.\-+,/_=]*)\}|([%_-]))/giy;

/** Undefined where a `%` begins no macro. */
export function parseMacroString(text: string): MacroString | undefined {
  const pieces: Piece[] = [];
  let at = 0;
  while (at < text.length) {
    const percent = text.indexOf('%', at);
    const end = percent === -1 ? text.length : percent;
    if (end > at) pieces.push({ kind: 'text', text: text.slice(at, end) });
    if (percent === -1) break;
    macro.lastIndex = percent;
    const match = macro.exec(text);
    const piece = match === null ? undefined : pieceOf(match);
    if (piece === undefined) return undefined;
    pieces.push(piece);
    at = macro.lastIndex;
  }
  return pieces;
}

function pieceOf([, letter, digits, reversed, delimiters, other]: RegExpExecArray):
  | Piece
  | undefined {
  if (letter === undefined)
    return { kind: 'text', text: other === '%' ? '%' : other === '_' ? ' ' : '%20' };
  // RFC 7208 §7.1: zero parts are an error.
  if (digits !== '' && Number(digits) === 0) return undefined;
  const lower = letter.toLowerCase();
  return {
    kind: 'macro',
    letter: lower,
    escaped: letter !== lower,
    // RFC 7208 §7.1: at least 128 must be possible.
    parts: digits === '' ? undefined : Math.min(Number(digits), 255),
    reversed: reversed !== '',
    delimiters: delimiters === '' ? '.' : delimiters!,
  };
}

/** RFC 7208 §7.1: domain-end = "." toplabel ["."] or a macro; and what only explanations may use is not in it. */
export function endsAsDomain(text: MacroString): boolean {
  const last = text.at(-1);
  if (last === undefined || text.some(isForExplanations)) return false;
  if (last.kind === 'macro') return true;
  const label = /\.([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)\.?$/i.exec(joinedEnd(text))?.[1];
  return label !== undefined && !/^\d+$/.test(label);
}

const isForExplanations = (piece: Piece): boolean =>
  piece.kind === 'macro' && 'crt'.includes(piece.letter);

/** The text at the end, and something in place of the macro before it. */
function joinedEnd(text: MacroString): string {
  const from = text.findLastIndex(({ kind }) => kind === 'macro');
  const end = text.slice(from + 1).map((piece) => (piece.kind === 'text' ? piece.text : ''));
  return `${from === -1 ? '' : 'x'}${end.join('')}`;
}

export async function expand(text: MacroString, values: MacroValues): Promise<string> {
  let expanded = '';
  for (const piece of text)
    expanded += piece.kind === 'text' ? piece.text : await expandMacro(piece, values);
  return expanded;
}

async function expandMacro(
  { letter, escaped, parts, reversed, delimiters }: Extract<Piece, { kind: 'macro' }>,
  values: MacroValues,
): Promise<string> {
  const value = await values(letter);
  const split: string[] = [''];
  for (const char of value)
    if (delimiters.includes(char)) split.push('');
    else split[split.length - 1] += char;
  if (reversed) split.reverse();
  const kept = (parts === undefined ? split : split.slice(-parts)).join('.');
  return escaped ? escapeForUrl(kept) : kept;
}

/** RFC 7208 §7.3: all but unreserved characters. RFC 3986 §2.3 */
const escapeForUrl = (text: string): string =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
