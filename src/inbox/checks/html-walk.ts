// One walk over the tags of HTML, without a tree: it takes time in proportion to its length, however tags are nested and
// whatever is left open.

import { Tokenizer } from 'htmlparser2';

export interface HtmlWalker {
  /** Names in lower case; of attributes the first of each, their values decoded. */
  element(name: string, attributes: ReadonlyMap<string, string>): void;
  closed?(): void;
  /** A piece of it, as it stands there. */
  text?(text: string): void;
  comment?(): void;
  /** That of HTML5. */
  doctype?(): void;
}

/** Limit: attributes of one element. */
const attributesMax = 200;

export function walkHtml(html: string, walker: HtmlWalker): void {
  let name = '';
  let attribute = '';
  let value = '';
  let attributes = new Map<string, string>();
  const opened = () => walker.element(name, attributes);
  const nothing = () => {};
  const tokenizer = new Tokenizer(
    { decodeEntities: true },
    {
      onopentagname(start, end) {
        name = html.slice(start, end).toLowerCase();
        attributes = new Map();
      },
      onattribname(start, end) {
        attribute = html.slice(start, end).toLowerCase();
        value = '';
      },
      onattribdata(start, end) {
        value += html.slice(start, end);
      },
      onattribentity(codePoint) {
        value += String.fromCodePoint(codePoint);
      },
      onattribend() {
        // The first of a name counts, as in browsers.
        if (!attributes.has(attribute) && attributes.size < attributesMax)
          attributes.set(attribute, value);
      },
      onopentagend: opened,
      onselfclosingtag: opened,
      onclosetag: () => walker.closed?.(),
      ontext: (start, end) => walker.text?.(html.slice(start, end)),
      oncomment: () => walker.comment?.(),
      ondeclaration(start, end) {
        if (/^!doctype\s+html\s*$/i.test(html.slice(start, end))) walker.doctype?.();
      },
      ...{ ontextentity: nothing, oncdata: nothing, onend: nothing },
      onprocessinginstruction: nothing,
    },
  );
  tokenizer.write(html);
  tokenizer.end();
}
