// What the styles of a message use: properties, values, units, selectors, at-rules, by the names of caniemail's data.

import { type CSSToken, TokenType } from '@csstools/css-tokenizer';
import type { FoundFeatures } from './found-features.ts';
import { type HtmlFound, pictureSlug } from './html-features.ts';
import { selectorFeatures } from './selector-features.ts';
import { readStyle, type StyleBlock, type StyleReader } from './style-blocks.ts';

/** Limit: characters of styles that are looked at. */
const charactersMax = 128 * 2 ** 10;

/** False: there is more of it than is looked at. */
export function styleFeatures(html: HtmlFound, found: FoundFeatures): boolean {
  let left = charactersMax;
  const read = (css: string, outer?: StyleBlock) => {
    left -= css.length;
    if (left >= 0) readStyle(css, readerOf(html, found), outer);
  };
  for (const sheet of html.styleSheets) read(sheet);
  for (const [text, weight] of html.styleAttributes) read(text, { kind: 'rule', weight });
  return left >= 0;
}

const readerOf = (html: HtmlFound, found: FoundFeatures): StyleReader => ({
  selectors(tokens, inside) {
    const { slugs, elements } = selectorFeatures(tokens, html);
    for (const slug of slugs) found.add(slug, elements);
    if (inside?.kind === 'rule' && !slugs.has('css-nesting')) found.add('css-nesting', elements);
    return inside?.kind === 'rule' ? Math.max(inside.weight, elements) : elements;
  },
  atRule(name, prelude) {
    for (const slug of atRuleSlugs(name, prelude)) found.add(slug);
  },
  declaration(name, value, weight) {
    for (const slug of declarationSlugs(name, value)) found.add(slug, weight);
  },
  comment: () => found.add('css-comments'),
});

const atRules: ReadonlySet<string> = new Set([
  ...['font-face', 'import', 'keyframes', 'media', 'supports'],
]);
const mediaFeatures: ReadonlyMap<string, string> = new Map([
  ['device-pixel-ratio', 'device-pixel-ratio'],
  ['hover', 'hover'],
  ['any-hover', 'hover'],
  ['orientation', 'orientation'],
  ['prefers-color-scheme', 'prefers-color-scheme'],
  ['prefers-reduced-motion', 'prefers-reduced-motion'],
]);

function atRuleSlugs(name: string, prelude: readonly CSSToken[]): ReadonlySet<string> {
  const slugs = new Set<string>();
  const bare = withoutVendor(name);
  if (atRules.has(bare)) slugs.add(`css-at-${bare}`);
  if (bare !== 'media') return slugs;
  for (const token of prelude) {
    if (token[0] !== TokenType.Ident) continue;
    const asked = withoutVendor(token[4].value.toLowerCase()).replace(/^(?:min|max)-+/, '');
    const feature = mediaFeatures.get(asked);
    if (feature !== undefined) slugs.add(`css-at-media-${feature}`);
  }
  return slugs;
}

const withoutVendor = (name: string): string => name.replace(/^-(?:webkit|moz|ms|o)-/, '');

/** Each once. */
function declarationSlugs(written: string, value: readonly CSSToken[]): ReadonlySet<string> {
  if (written.startsWith('--')) return new Set(['css-variables', ...valueSlugs(value)]);
  const name = withoutVendor(written);
  const slugs = new Set([...propertySlugs(name), ...valueSlugs(value)]);
  const words = new Set(
    value.flatMap((token) => (token[0] === TokenType.Ident ? [wordOf(token[4].value)] : [])),
  );
  for (const [property, word, slug] of keywords)
    if (property.test(name) && word.some((each) => words.has(each))) slugs.add(slug);
  return slugs;
}

const wordOf = (text: string): string => withoutVendor(text.toLowerCase());

/** Words that are a feature of their own with these properties. */
const keywords: readonly (readonly [RegExp, readonly string[], string])[] = [
  [/^display$/, ['flex', 'inline-flex'], 'css-display-flex'],
  [/^display$/, ['grid', 'inline-grid'], 'css-display-grid'],
  [/^display$/, ['none'], 'css-display-none'],
  [/^flex-(?:direction|flow)$/, ['column', 'column-reverse'], 'css-flex-direction'],
  [/^flex-(?:wrap|flow)$/, ['wrap', 'wrap-reverse'], 'css-flex-wrap'],
  [/(?:width|height|size)$/, ['fit-content', 'min-content', 'max-content'], 'css-intrinsic-size'],
  [
    /^font/,
    ['system-ui', 'ui-serif', 'ui-sans-serif', 'ui-rounded', 'ui-monospace'],
    'css-sytem-ui', // as the data has it
  ],
  [/^/, ['initial'], 'css-unit-initial'],
];

/** Properties that several names stand for; the first that fits. Where none does, the property has its own. */
const families: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^block-size$/, ['css-block-inline-size']],
  [/^inline-size$/, ['css-block-inline-size', 'css-inline-size']],
  [/^border-(?:start|end)-(?:start|end)-radius$/, ['css-border-radius-logical']],
  [/^border-(?:(?:top|bottom)-(?:left|right)-)?radius$/, ['css-border-radius']],
  [/^border-(?:inline|block)$/, ['css-border-inline-block']],
  [/^border-(?:inline|block)-(?:start|end)-\w+$/, ['css-border-inline-block-longhand']],
  [/^border-(?:inline|block)-\w+$/, ['css-border-inline-block-individual']],
  [/^border-image/, ['css-border-image']],
  [/^border-(?:collapse|spacing)$/, []],
  [/^border/, ['css-border']],
  [/^column-gap$/, ['css-gap', 'css-column-layout-properties']],
  [/^column-count$/, ['css-column-count', 'css-column-layout-properties']],
  [/^columns$|^column-/, ['css-column-layout-properties']],
  [/^(?:grid-)?(?:row-)?gap$/, ['css-gap']],
  [/^grid-template/, ['css-grid-template']],
  [/^(?:left|right|top|bottom)$/, ['css-left-right-top-bottom']],
  [/^inset/, ['css-inset']],
  [/^(margin|padding)-(?:inline|block)$/, ['css-$1-inline-block']],
  [/^(margin|padding)-(inline|block)-(?:start|end)$/, ['css-$1-$2-start-end']],
  [/^(margin|padding)-/, ['css-$1']],
  [/^overflow-[xy]$/, ['css-overflow']],
  [/^outline-(?:color|style|width)$/, ['css-outline']],
  [/^(animation|transition|scroll-snap)-/, ['css-$1']],
  [/^background-position-[xy]$/, ['css-background-position']],
  [/^text-emphasis-(?:color|style)$/, ['css-text-emphasis']],
  [/^flex-(?:direction|wrap)$/, []], // only with the words above
  [/^mask$/, ['css-mask-image']],
];

function propertySlugs(name: string): readonly string[] {
  for (const [pattern, slugs] of families) {
    const match = pattern.exec(name);
    if (match === null) continue;
    const own = slugs.length === 0 && !name.startsWith('flex-') ? [`css-${name}`] : slugs;
    return own.map((slug) => slug.replace(/\$(\d)/g, (_, group) => match[Number(group)] ?? ''));
  }
  return [`css-${name}`];
}

const functions: ReadonlyMap<string, string> = new Map([
  ['calc', 'css-unit-calc'],
  ['var', 'css-variables'],
  ...['clamp', 'light-dark', 'max', 'min'].map((name) => [name, `css-function-${name}`] as const),
  ...['linear', 'radial', 'conic'].flatMap((name) =>
    ['', 'repeating-'].map((how) => [`${how}${name}-gradient`, `css-${name}-gradient`] as const),
  ),
  ...['lab', 'lch', 'oklab', 'oklch'].map((name) => [name, 'css-modern-color'] as const),
  ['rgb', 'css-rgb'],
  ['rgba', 'css-rgba'],
]);
const units: ReadonlySet<string> = new Set([
  ...['ch', 'cm', 'em', 'ex', 'in', 'mm', 'pc', 'pt', 'px', 'rem', 'vh', 'vmax', 'vmin', 'vw'],
]);

function* valueSlugs(value: readonly CSSToken[]): Iterable<string> {
  for (const [at, token] of value.entries()) {
    const slug = valueSlug(token, value[at - 1]);
    if (slug !== undefined) yield slug;
  }
}

function valueSlug(token: CSSToken, before: CSSToken | undefined): string | undefined {
  switch (token[0]) {
    case TokenType.Function:
      return functions.get(wordOf(token[4].value));
    case TokenType.Dimension: {
      const unit = token[4].unit.toLowerCase();
      return units.has(unit) ? `css-unit-${unit}` : undefined;
    }
    case TokenType.Percentage:
      return 'css-unit-percent';
    case TokenType.URL:
    case TokenType.String:
      return pictureSlug(token[4].value);
    case TokenType.Ident:
      return /^important$/i.test(token[4].value) && isBang(before) ? 'css-important' : undefined;
    default:
      return undefined;
  }
}

const isBang = (token: CSSToken | undefined): boolean =>
  token?.[0] === TokenType.Delim && token[4].value === '!';
