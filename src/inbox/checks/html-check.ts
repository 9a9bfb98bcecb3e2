// How well mail clients can show the HTML of a message: what it uses (html-features.ts, style-features.ts), held
// against what clients can (client-support.ts). Nothing is loaded from elsewhere for it: style sheets that a message only
// links to are not looked at, as no mail client does either.

import type { ClientSupport, ClientSupportData, Feature } from './client-support.ts';
import { clientSupport } from './client-support.ts';
import { FoundFeatures } from './found-features.ts';
import { htmlFeatures } from './html-features.ts';
import { styleFeatures } from './style-features.ts';

export interface HtmlCheck {
  /** What not all clients can show; what matters most first. */
  readonly warnings: readonly HtmlWarning[];
  /** Elements that are shown. */
  readonly elements: number;
  /** How many features were looked for. */
  readonly looked: number;
  /** Of the worst of `warnings`, each by how much of the message it concerns. Percent. */
  readonly total: SupportShares;
  readonly families: readonly FamilyShare[];
  /** False where the message is so long that not all of it was looked at. */
  readonly isWhole: boolean;
  readonly data: ClientSupportData;
}

export interface HtmlWarning {
  readonly feature: Feature;
  /** How many elements use it. */
  readonly found: number;
  readonly shares: SupportShares;
}

/** Percent; together 100. */
export interface SupportShares {
  readonly supported: number;
  readonly partial: number;
  readonly unsupported: number;
}

/** What one maker's newest clients make of the message. */
export interface FamilyShare {
  readonly family: string;
  readonly name: string;
  /** Slugs of what it cannot show, or not fully. */
  readonly unsupported: readonly string[];
  readonly partial: readonly string[];
}

/** Limit: characters of HTML that are looked at. Clients clip much sooner: Gmail at 102 KB. */
export const checkedCharactersMax = 512 * 2 ** 10;

export function checkHtml(html: string): HtmlCheck {
  const data = clientSupport();
  const found = new FoundFeatures();
  const shown = htmlFeatures(html.slice(0, checkedCharactersMax), found);
  const areStylesWhole = styleFeatures(shown, found);
  const { elements } = shown;
  const warnings = [...found.counts]
    .flatMap(([slug, count]): readonly HtmlWarning[] => {
      const feature = slug === script.slug ? script : data.features.get(slug);
      if (feature === undefined) return [];
      const shares = slug === script.slug ? nobody : sharesOf(feature.clients);
      return shares.supported === 100 ? [] : [{ feature, found: count, shares }];
    })
    .sort((a, b) => badness(b, elements) - badness(a, elements) || order(a, b));
  return {
    ...{ warnings, elements, data, looked: data.features.size + 1 },
    total: totalOf(warnings, elements),
    families: familiesOf(warnings, data),
    isWhole: areStylesWhole && html.length <= checkedCharactersMax,
  };
}

/** Not in the data, since there is no client to be tested. */
const script: Feature = {
  ...{ slug: 'html-script', title: '<script> element', category: 'html', tags: [], url: '' },
  description: 'No mail client runs scripts.',
  ...{ notes: new Map(), clients: [] },
};
const nobody: SupportShares = { supported: 0, partial: 0, unsupported: 100 };

const order = (a: HtmlWarning, b: HtmlWarning): number =>
  a.feature.slug < b.feature.slug ? -1 : 1;

function sharesOf(clients: readonly ClientSupport[]): SupportShares {
  const share = (support: ClientSupport['support']) =>
    clients.length === 0
      ? 0
      : (clients.filter((each) => each.support === support).length / clients.length) * 100;
  const [partial, unsupported] = [share('partial'), share('no')];
  return { supported: 100 - partial - unsupported, partial, unsupported };
}

/** How much of the message it concerns, from 0 to 1. */
const part = (found: number, elements: number): number =>
  Math.min(1, found / Math.max(1, elements));

const badness = ({ shares, found }: HtmlWarning, elements: number): number =>
  (shares.partial + shares.unsupported) * part(found, elements);

function totalOf(warnings: readonly HtmlWarning[], elements: number): SupportShares {
  const worst = (share: 'partial' | 'unsupported') =>
    Math.max(0, ...warnings.map(({ shares, found }) => shares[share] * part(found, elements)));
  const unsupported = worst('unsupported');
  const partial = Math.min(worst('partial'), 100 - unsupported);
  return { supported: 100 - partial - unsupported, partial, unsupported };
}

/** In the order of the data, which is that of how many people use them. */
function familiesOf(
  warnings: readonly HtmlWarning[],
  { familyNames }: ClientSupportData,
): readonly FamilyShare[] {
  return [...familyNames].map(([family, name]) => {
    const worst = warnings.map(({ feature }) => ({
      slug: feature.slug,
      support: feature === script ? 'no' : worstOf(newestOf(feature.clients, family)),
    }));
    const having = (wanted: string) =>
      worst.filter(({ support }) => support === wanted).map(({ slug }) => slug);
    return { family, name, unsupported: having('no'), partial: having('partial') };
  });
}

/** The last version of each platform. */
export function newestOf(
  clients: readonly ClientSupport[],
  family: string,
): readonly ClientSupport[] {
  const newest = new Map<string, ClientSupport>();
  for (const one of clients) if (one.family === family) newest.set(one.platform, one);
  return [...newest.values()];
}

function worstOf(clients: readonly ClientSupport[]): ClientSupport['support'] {
  const has = (support: ClientSupport['support']) => clients.some((one) => one.support === support);
  return has('no') ? 'no' : has('partial') ? 'partial' : 'yes';
}
