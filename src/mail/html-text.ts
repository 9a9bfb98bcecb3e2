// The text of an HTML document without its markup, for search and previews: not for display. Linear
// and total; scripts, styles, comments and the head are left out, blocks begin on a line of their own.

/** Elements whose content is no text. */
const silent = new Set(['script', 'style', 'head', 'template', 'noscript', 'svg', 'object']);

/** Elements in the middle of a line. Everything else separates words. */
const inline = new Set(
  'a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd mark q s samp small span strike strong sub sup tt u var wbr'.split(
    ' ',
  ),
);

const entities = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
  ['nbsp', ' '],
  ['zwnj', ''],
  ['zwj', ''],
  ['shy', ''],
  ['copy', '©'],
  ['reg', '®'],
  ['trade', '™'],
  ['hellip', '…'],
  ['mdash', '—'],
  ['ndash', '–'],
  ['lsquo', '‘'],
  ['rsquo', '’'],
  ['sbquo', '‚'],
  ['ldquo', '“'],
  ['rdquo', '”'],
  ['bdquo', '„'],
  ['laquo', '«'],
  ['raquo', '»'],
  ['bull', '•'],
  ['middot', '·'],
  ['euro', '€'],
  ['pound', '£'],
  ['yen', '¥'],
  ['cent', '¢'],
  ['sect', '§'],
  ['deg', '°'],
  ['times', '×'],
  ['szlig', 'ß'],
  ['aelig', 'æ'],
  ['AElig', 'Æ'],
  ['oslash', 'ø'],
  ['Oslash', 'Ø'],
  ['eth', 'ð'],
  ['ETH', 'Ð'],
  ['thorn', 'þ'],
  ['THORN', 'Þ'],
  ['iexcl', '¡'],
  ['iquest', '¿'],
]);

/** Accents of named characters: `eacute` is an e with this. */
const accents = new Map([
  ['acute', '\u0301'],
  ['grave', '\u0300'],
  ['circ', '\u0302'],
  ['tilde', '\u0303'],
  ['uml', '\u0308'],
  ['ring', '\u030a'],
  ['cedil', '\u0327'],
]);

export function htmlText(html: string): string {
  const pieces: string[] = [];
  const lower = html.includes('<') ? html.toLowerCase() : html;
  // toLowerCase changes the length of a few characters; tags are found in `html` then.
  const names = lower.length === html.length ? lower : html;
  let at = 0;
  while (at < html.length) {
    const open = html.indexOf('<', at);
    if (open < 0) break;
    pieces.push(html.slice(at, open));
    at = skipMarkup(names, open, pieces);
  }
  pieces.push(html.slice(at));
  return decodeEntities(pieces.join(''));
}

/** Behind the tag or comment at `open`, and behind the content of a silent element. */
function skipMarkup(html: string, open: number, pieces: string[]): number {
  if (html.startsWith('<!--', open)) return after(html, '-->', open + 4);
  const first = html.charCodeAt(open + 1) | 0x20;
  const isTag = (first >= 0x61 && first <= 0x7a) || '/!?'.includes(html[open + 1] ?? 'x');
  if (!isTag) {
    pieces.push('<'); // "a < b" in sloppy text
    return open + 1;
  }
  const tag = tagName(html, open + 1);
  const element = tag.startsWith('/') ? tag.slice(1) : tag;
  if (!inline.has(element)) pieces.push(element === 'td' || element === 'th' ? ' ' : '\n');
  const end = after(html, '>', open + 1);
  if (!silent.has(tag) || html[end - 2] === '/') return end;
  // What is never closed goes on to the end of the document.
  return after(html, '>', after(html, `</${tag}`, end));
}

function after(html: string, mark: string, from: number): number {
  const found = html.indexOf(mark, from);
  return found < 0 ? html.length : found + mark.length;
}

// Limit: no element that means something here has a longer name.
const name = /\/?[a-z0-9]{0,16}/iy;

/** With its slash, if it is an end tag. */
function tagName(html: string, at: number): string {
  name.lastIndex = at;
  return name.exec(html)![0].toLowerCase();
}

const entity = /&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z][a-z0-9]{1,30}));?/gi;

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(entity, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return named(name) ?? whole;
    return codePoint(decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal));
  });
}

function named(name: string): string | undefined {
  const known = entities.get(name) ?? entities.get(name.toLowerCase());
  if (known !== undefined) return known;
  const accent = accents.get(name.slice(1));
  return accent === undefined ? undefined : (name[0]! + accent).normalize('NFC');
}

function codePoint(code: number): string {
  if (code === 0xa0) return ' ';
  const isText = code >= 0x20 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return isText ? String.fromCodePoint(code) : ' ';
}
