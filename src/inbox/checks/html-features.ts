// What HTML of a message uses: elements, attributes, kinds of pictures and links; and the style sheets and style
// attributes in it, for style-features.ts.

import type { FoundFeatures } from './found-features.ts';
import { walkHtml } from './html-walk.ts';

/** What can be counted of elements, for those that a style rule is about. */
export interface ElementCounts {
  /** How many elements have this name, `.class` or `#id`. */
  readonly byName: ReadonlyMap<string, number>;
  /** All of them, without html, head and what is in it alone. */
  readonly elements: number;
}

export interface HtmlFound extends ElementCounts {
  readonly styleSheets: readonly string[];
  /** Texts of `style=""`, each as often as it is there. */
  readonly styleAttributes: ReadonlyMap<string, number>;
}

/** Limit: names, classes, ids and texts of style attributes that are told apart. */
const namesMax = 20_000;

/** Elements that are no part of what is shown. */
const unshown: ReadonlySet<string> = new Set(['html', 'head', 'meta', 'title']);

export function htmlFeatures(html: string, found: FoundFeatures): HtmlFound {
  const byName = new Map<string, number>();
  const styleAttributes = new Map<string, number>();
  const styleSheets: string[] = [];
  let elements = 0;
  let inStyle = false;
  const count = (map: Map<string, number>, name: string) => {
    const before = map.get(name);
    if (before !== undefined || map.size < namesMax) map.set(name, (before ?? 0) + 1);
  };
  const element = (name: string, attributes: ReadonlyMap<string, string>) => {
    if (!unshown.has(name)) elements += 1;
    count(byName, name);
    const classes = attributes.get('class')?.match(/\S+/g) ?? [];
    for (const one of new Set(classes)) count(byName, `.${one}`);
    const id = attributes.get('id');
    if (id !== undefined) count(byName, `#${id}`);
    const style = attributes.get('style');
    if (style !== undefined) count(styleAttributes, style);
    for (const slug of slugsOf(name, attributes)) found.add(slug);
    inStyle = name === 'style';
    if (inStyle) styleSheets.push('');
  };
  walkHtml(html, {
    element,
    closed: () => {
      inStyle = false;
    },
    text: (text) => {
      if (inStyle) styleSheets.push((styleSheets.pop() ?? '') + text);
    },
    comment: () => found.add('html-comments'),
    doctype: () => found.add('html-doctype'),
  });
  return { byName, elements, styleSheets, styleAttributes };
}

const elementSlugs: ReadonlyMap<string, string> = new Map([
  ...[
    ...['abbr', 'acronym', 'address', 'audio', 'base', 'bdi', 'blockquote', 'body', 'code', 'del'],
    ...['dfn', 'dialog', 'div', 'form', 'hr', 'img', 'link', 'marquee', 'meter', 'object', 'p'],
    ...['picture', 'pre', 'progress', 'rp', 'rt', 'ruby', 'select', 'small', 'span', 'strike'],
    ...['script', 'strong', 'style', 'svg', 'table', 'textarea', 'video', 'wbr'],
  ].map((name) => [name, `html-${name}`] as const),
  ...['embed', 'applet'].map((name) => [name, 'html-object'] as const),
  ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((name) => [name, 'html-h1-h6'] as const),
  ...['ul', 'ol', 'dl'].map((name) => [name, 'html-lists'] as const),
  ...['map', 'area'].map((name) => [name, 'html-image-maps'] as const),
  ...[
    ...['article', 'aside', 'details', 'figcaption', 'figure', 'footer', 'header', 'main'],
    ...['mark', 'nav', 'section', 'summary', 'time'],
  ].map((name) => [name, 'html-semantics'] as const),
]);

const attributeSlugs: ReadonlyMap<string, string> = new Map([
  ...[
    ...['align', 'aria-describedby', 'aria-hidden', 'aria-label', 'aria-labelledby', 'aria-live'],
    ...['background', 'cellpadding', 'cellspacing', 'dir', 'height', 'hidden', 'lang', 'popover'],
    ...['required', 'role', 'srcset', 'target', 'valign', 'width'],
  ].map((name) => [name, `html-${name}`] as const),
  ['loading', 'html-loading-attribute'],
  ['usemap', 'html-image-maps'],
  ['inert', 'css-inert-attribute'],
]);

const inputTypes: ReadonlySet<string> = new Set([
  ...['checkbox', 'hidden', 'radio', 'reset', 'submit', 'text'],
]);
const dataScript = /^application\/(?:ld\+)?json$/i;

/** Each once. */
function slugsOf(name: string, attributes: ReadonlyMap<string, string>): ReadonlySet<string> {
  const slugs = new Set<string>();
  const type = attributes.get('type')?.trim().toLowerCase() ?? '';
  const own = elementSlugs.get(name);
  if (own !== undefined && !(name === 'script' && dataScript.test(type))) slugs.add(own);
  for (const each of attributes.keys()) {
    const slug = attributeSlugs.get(each);
    if (slug !== undefined) slugs.add(slug);
  }
  if (name === 'input') {
    const shown = type === '' ? 'text' : type;
    if (inputTypes.has(shown)) slugs.add(`html-input-${shown}`);
  }
  if (name === 'button') slugs.add(type === 'reset' ? 'html-button-reset' : 'html-button-submit');
  if (name === 'meta' && attributes.get('name')?.trim().toLowerCase() === 'color-scheme')
    slugs.add('html-meta-color-scheme');
  const href = attributes.get('href')?.trim() ?? '';
  if (name === 'a' && href.startsWith('#')) slugs.add('html-anchor-links');
  if (name === 'a' && /^mailto:/i.test(href)) slugs.add('html-mailto-links');
  for (const url of [attributes.get('src'), attributes.get('background')]) {
    const slug = url === undefined ? undefined : pictureSlug(url);
    if (slug !== undefined) slugs.add(slug);
  }
  return slugs;
}

const pictureSlugs: ReadonlyMap<string, string> = new Map([
  ...['apng', 'avif', 'bmp', 'gif', 'hdr', 'ico', 'jpg', 'mp4', 'png', 'svg', 'tiff', 'webp'].map(
    (end) => [end, `image-${end}`] as const,
  ),
  ['heic', 'image-heif'],
  ['heif', 'image-heif'],
  ['jpeg', 'image-jpg'],
  ['tif', 'image-tiff'],
]);

/** By the end of its path, which is all that is known of a picture that lies elsewhere. */
export function pictureSlug(url: string): string | undefined {
  const text = url.trim();
  if (/^data:image\//i.test(text)) return 'image-base64';
  if (!/^https?:/i.test(text)) return undefined;
  const [path = ''] = text.split(/[?#]/, 1);
  return pictureSlugs.get(/\.([a-z\d]{2,4})$/i.exec(path)?.[1]?.toLowerCase() ?? '');
}
