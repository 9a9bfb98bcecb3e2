// Links of a message: where its HTML and its text lead, and what its HTML loads.

import type { ShownMessage } from '../shown-message.ts';
import { walkHtml } from './html-walk.ts';

export interface MessageLink {
  /** `http:` or `https:`, as it is written. */
  readonly url: string;
  /** Followed by who reads; or loaded to show the message. */
  readonly kind: 'link' | 'picture' | 'style';
}

/** Limits: different links of a message; characters of one; of HTML and of text that are looked at. */
export const linksMax = 100;
const urlMax = 2000;
const charactersMax = 2 ** 20;

/** Each once, in the order in which they stand, those of the HTML first. `more`: there are some left out. */
export function linksOf({ html, text }: Pick<ShownMessage, 'html' | 'text'>): {
  readonly links: readonly MessageLink[];
  readonly more: boolean;
} {
  const found = new Map<string, MessageLink>();
  let more = false;
  const add = (written: string | undefined, kind: MessageLink['kind']) => {
    const url = written?.trim().replace(/[\t\r\n]/g, '') ?? '';
    if (!/^https?:\/\//i.test(url) || !URL.canParse(url) || found.has(url)) return;
    if (url.length > urlMax || found.size >= linksMax) more = true;
    else found.set(url, { url, kind });
  };
  walkHtml((html ?? '').slice(0, charactersMax), {
    element(name, attributes) {
      if (name === 'a' || name === 'area') add(attributes.get('href'), 'link');
      if (name === 'link' && /\bstylesheet\b/i.test(attributes.get('rel') ?? ''))
        add(attributes.get('href'), 'style');
      if (name === 'img') add(attributes.get('src'), 'picture');
      add(attributes.get('background'), 'picture');
    },
  });
  // RFC 3986 Appendix C: within angle brackets a link may go on in the next line.
  const shown = text.slice(0, charactersMax);
  for (const [, bracketed, plain] of shown.matchAll(inText)) {
    add(bracketed?.replace(/\s+/g, ''), 'link');
    add(plain && withoutMarks(plain), 'link');
  }
  return { links: [...found.values()], more };
}

const inText = /<(https?:\/\/[^<>]{1,2000})>|\b(https?:\/\/[^\s<>"]{1,2000})/gi;

const marks: ReadonlySet<string> = new Set('.,;:!?\'")]');

/** Without what ends the sentence that a link stands in. */
function withoutMarks(url: string): string {
  let end = url.length;
  while (marks.has(url.charAt(end - 1))) end -= 1;
  return url.slice(0, end);
}
