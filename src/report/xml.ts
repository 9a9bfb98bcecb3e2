// A reader of the XML that reports are written in, and of no more: XML 1.0 without DTDs, so without entities but
// the five and without anything that grows. What is not well-formed is refused. Linear; depth and attributes are
// bounded; names come without their namespace prefix, which reporters choose as they like.

export type XmlEvent =
  | { readonly kind: 'open'; readonly name: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'close'; readonly name: string };

/** It is not XML as it is read here; the message says where and why. */
export class XmlError extends Error {
  override readonly name = 'XmlError';
}

/** Limit: reports are six deep, and extensions of them a few more. */
const depthMax = 32;
/** Limit: attributes of one element, namespaces among them. */
const attributesMax = 64;

const entities: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
]);

const openTag = /<([A-Za-z_][\w.\-:]{0,200})/y;
const closeTag = /<\/([A-Za-z_][\w.\-:]{0,200})\s*>/y;
const attribute = /\s+[A-Za-z_][\w.\-:]{0,200}\s*=\s*(?:"[^"<]*"|'[^'<]*')/y;
const tagEnd = /\s*(\/?)>/y;
const whiteSpace = /^\s*$/;

/** @throws XmlError */
export function* xmlEvents(given: string): Generator<XmlEvent> {
  const text = given.charCodeAt(0) === 0xfeff ? given.slice(1) : given;
  const open: string[] = [];
  let at = 0;
  let roots = 0;
  while (at < text.length) {
    if (text.charCodeAt(at) !== 0x3c) {
      const end = endOr(text.indexOf('<', at), text.length);
      const words = text.slice(at, end);
      if (open.length > 0) yield { kind: 'text', text: decoded(words, at) };
      else if (!whiteSpace.test(words)) throw problem('text outside of any element', at);
      at = end;
    } else if (text.startsWith('<!--', at)) at = behind(text, '-->', at + 4);
    else if (text.startsWith('<?', at)) at = behind(text, '?>', at + 2);
    else if (text.startsWith('<![CDATA[', at)) {
      if (open.length === 0) throw problem('text outside of any element', at);
      const end = behind(text, ']]>', at + 9);
      yield { kind: 'text', text: text.slice(at + 9, end - 3) };
      at = end;
    } else if (text.startsWith('<!', at)) {
      // What a DTD declares can be anything, of any size.
      throw problem('a document type, or another declaration', at);
    } else if (text.startsWith('</', at)) {
      const [tag, name] = match(closeTag, text, at);
      if (name === undefined || open.pop() !== name) throw problem('an end of another element', at);
      yield { kind: 'close', name: local(name) };
      at += tag.length;
    } else {
      const [tag, name] = match(openTag, text, at);
      if (name === undefined) throw problem('a "<" that begins nothing', at);
      if (open.length === 0 && roots > 0) throw problem('a second document', at);
      if (open.length >= depthMax) throw problem('elements too deep', at);
      const { end, isEmpty } = behindAttributes(text, at + tag.length);
      roots += 1;
      yield { kind: 'open', name: local(name) };
      if (isEmpty) yield { kind: 'close', name: local(name) };
      else open.push(name);
      at = end;
    }
  }
  if (open.length > 0) throw problem(`the end, within ${local(open.at(-1)!)}`, at);
  if (roots === 0) throw problem('no element at all', at);
}

function behindAttributes(
  text: string,
  start: number,
): { readonly end: number; readonly isEmpty: boolean } {
  let at = start;
  for (let count = 0; count < attributesMax; count += 1) {
    const [one] = match(attribute, text, at);
    if (one === '') break;
    at += one.length;
  }
  const [end, slash] = match(tagEnd, text, at);
  if (end === '') throw problem('a tag that is none', at);
  return { end: at + end.length, isEmpty: slash === '/' };
}

/** XML 1.0 §4.1, §4.6. */
function decoded(text: string, at: number): string {
  if (!text.includes('&')) return text;
  return text.replace(/&([^;&]{0,12};?)/g, (whole, inside: string) => {
    if (!inside.endsWith(';')) throw problem('a "&" that begins nothing', at);
    const name = inside.slice(0, -1);
    const code = /^#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}))$/.exec(name);
    if (code !== null) {
      const point = code[1] === undefined ? Number(code[2]) : Number.parseInt(code[1], 16);
      if (point > 0 && point <= 0x10ffff) return String.fromCodePoint(point);
    }
    const known = entities.get(name);
    if (known === undefined) throw problem(`${whole}, which is not known`, at);
    return known;
  });
}

function match(pattern: RegExp, text: string, at: number): readonly [string, string?] {
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  return found === null ? [''] : [found[0], found[1]!];
}

function behind(text: string, end: string, from: number): number {
  const at = text.indexOf(end, from);
  if (at < 0) throw problem(`no ${end}`, from);
  return at + end.length;
}

const endOr = (found: number, otherwise: number): number => (found < 0 ? otherwise : found);

const local = (name: string): string => name.slice(name.indexOf(':') + 1);

const problem = (what: string, at: number): XmlError =>
  new XmlError(`${what} (at character ${at + 1})`);
