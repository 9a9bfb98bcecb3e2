// What mail clients can show, feature by feature: the data of https://www.caniemail.com (MIT licence), which people
// tested by hand. Read when somebody asks for the first time: few servers are ever asked.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export type Support = 'yes' | 'partial' | 'no';

/** How one version of a client does with a feature. */
export interface ClientSupport {
  /** `outlook`; familyNames has the name for people. */
  readonly family: string;
  /** `ios`, `desktop-webmail` …; platformNames has the name for people. */
  readonly platform: string;
  /** As the testers wrote it: `16.0`, `2019-10`. */
  readonly version: string;
  readonly support: Support;
  /** Numbers of the feature's notes that say more. */
  readonly notes: readonly string[];
}

export interface Feature {
  /** `css-display-flex` */
  readonly slug: string;
  readonly title: string;
  /** Markdown. */
  readonly description: string;
  readonly url: string;
  readonly category: string;
  readonly tags: readonly string[];
  /** By their numbers; Markdown. */
  readonly notes: ReadonlyMap<string, string>;
  /** In the order of the data: for each client the oldest version first. */
  readonly clients: readonly ClientSupport[];
}

export interface ClientSupportData {
  readonly features: ReadonlyMap<string, Feature>;
  readonly familyNames: ReadonlyMap<string, string>;
  readonly platformNames: ReadonlyMap<string, string>;
  /** When the data was made, ISO 8601 as far as its makers write it so. */
  readonly updated: string;
}

type Versions = Readonly<Record<string, string>>;

interface KeptFeature {
  readonly slug: string;
  readonly title: string;
  readonly description: string | null;
  readonly url: string;
  readonly category: string;
  readonly tags: readonly string[];
  readonly stats: Readonly<Record<string, Readonly<Record<string, Versions>>>>;
  readonly notes_by_num: Readonly<Record<string, string>> | null;
}

interface KeptData {
  readonly last_update_date: string;
  readonly nicenames: {
    readonly family: Readonly<Record<string, string>>;
    readonly platform: Readonly<Record<string, string>>;
  };
  readonly data: readonly KeptFeature[];
}

let known: ClientSupportData | undefined;

export function clientSupport(): ClientSupportData {
  known ??= read();
  return known;
}

/** Beside this file in the package (scripts/build.ts puts it there); in a checkout where npm has put it. */
function read(): ClientSupportData {
  const beside = new URL('caniemail.json', import.meta.url);
  const file = existsSync(beside) ? beside : import.meta.resolve('caniemail/caniemail.json');
  const kept = JSON.parse(readFileSync(fileURLToPath(file), 'utf8')) as KeptData;
  return {
    features: new Map(kept.data.map((one) => [one.slug, featureOf(one)])),
    familyNames: new Map(Object.entries(kept.nicenames.family)),
    platformNames: new Map(Object.entries(kept.nicenames.platform)),
    updated: kept.last_update_date,
  };
}

const featureOf = ({ stats, notes_by_num, description, ...rest }: KeptFeature): Feature => ({
  ...rest,
  description: description ?? '',
  notes: new Map(Object.entries(notes_by_num ?? {})),
  clients: Object.entries(stats).flatMap(([family, platforms]) =>
    Object.entries(platforms).flatMap(([platform, versions]) =>
      Object.entries(versions).flatMap(([version, written]) => {
        const support = supports.get(written.slice(0, 1));
        const notes = [...written.matchAll(/#(\d+)/g)].map(([, number]) => number!);
        return support === undefined ? [] : [{ family, platform, version, support, notes }];
      }),
    ),
  ),
});

/** `y #1`: yes, and note 1 says more. `u` is not known, and nothing is said of it. */
const supports: ReadonlyMap<string, Support> = new Map([
  ['y', 'yes'],
  ['a', 'partial'],
  ['n', 'no'],
]);
