// What rspamd answers to /checkv2: JSON, of which only what is used is read, and nothing believed to be of the
// right type. Limits: see below.

export interface RspamdVerdict {
  /** `reject`, `soft reject`, `add header`, `rewrite subject`, `greylist`, `no action` … */
  readonly action: string;
  readonly score: string;
  readonly required: string;
  /** Those that were found, the heaviest first. */
  readonly rules: readonly RspamdRule[];
  /** For the client. */
  readonly message: string | undefined;
  readonly subject: string | undefined;
  readonly fields: readonly AddedField[];
  /** `index` 0 is all of that name. */
  readonly removed: readonly { readonly name: string; readonly index: number }[];
}

export interface RspamdRule {
  readonly name: string;
  readonly score: number;
  /** '' without one. */
  readonly description: string;
}

export interface AddedField {
  readonly name: string;
  readonly value: string;
  /** So many are before it; without it is the last one. */
  readonly order: number | undefined;
}

/** Limits: rules, and characters of what one is for; fields that are added or taken out, and octets of one. */
const rulesMax = 500;
const descriptionMax = 300;
const fieldsMax = 100;
const valueBytesMax = 16 * 1024;

/** @throws Error for what is no verdict */
export function parseRspamdVerdict(json: string): RspamdVerdict {
  const answer = recordOf(JSON.parse(json));
  const action = answer.get('action');
  if (typeof action !== 'string') throw new Error('an answer without an action');
  const milter = recordOf(answer.get('milter'));
  return {
    action: action.slice(0, 40),
    score: points(answer.get('score')),
    required: points(answer.get('required_score')),
    rules: rulesOf(recordOf(answer.get('symbols'))),
    message: textOf(recordOf(answer.get('messages')).get('smtp_message')),
    subject: textOf(answer.get('subject')),
    fields: [
      ...addedFields(recordOf(milter.get('add_headers'))),
      ...signatures(answer.get('dkim-signature')),
    ].slice(0, fieldsMax),
    removed: [...recordOf(milter.get('remove_headers'))]
      .flatMap(([name, index]) =>
        isName(name) && Number.isSafeInteger(index)
          ? [{ name, index: Math.max(0, index as number) }]
          : [],
      )
      .slice(0, fieldsMax),
  };
}

/** The peer's bytes never pick a property: a map. */
const recordOf = (value: unknown): ReadonlyMap<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? new Map(Object.entries(value))
    : new Map();

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, valueBytesMax) : undefined;

const points = (value: unknown): string =>
  typeof value === 'number' && Number.isFinite(value) ? String(Math.round(value * 100) / 100) : '?';

function rulesOf(symbols: ReadonlyMap<string, unknown>): RspamdRule[] {
  const rules = [...symbols].flatMap(([name, symbol]) => {
    const score = recordOf(symbol).get('score');
    const description = recordOf(symbol).get('description');
    return typeof score === 'number' && Number.isFinite(score)
      ? [
          {
            ...{ name: name.slice(0, 60), score: Math.round(score * 100) / 100 },
            description: textOf(description)?.slice(0, descriptionMax) ?? '',
          },
        ]
      : [];
  });
  rules.sort((a, b) => Math.abs(b.score) - Math.abs(a.score));
  return rules.slice(0, rulesMax);
}

/** A name's value: a text, `{ value, order }`, or a list of these. */
function addedFields(fields: ReadonlyMap<string, unknown>): AddedField[] {
  return [...fields].flatMap(([name, given]) =>
    [given].flat().flatMap((one: unknown) => {
      const value = textOf(one) ?? textOf(recordOf(one).get('value'));
      const order = recordOf(one).get('order');
      if (value === undefined || !isName(name)) return [];
      return [
        {
          name,
          value,
          order:
            Number.isSafeInteger(order) && (order as number) >= 0 ? (order as number) : undefined,
        },
      ];
    }),
  );
}

/** Field: where rspamd signs, what it signed with is beside the others. */
const signatures = (given: unknown): AddedField[] =>
  [given].flat().flatMap((one) => {
    const value = textOf(one);
    return value === undefined ? [] : [{ name: 'DKIM-Signature', value, order: 0 }];
  });

const isName = (name: string): boolean => /^[!-9;-~]{1,200}$/.test(name);
