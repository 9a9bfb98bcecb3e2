// What a certificate authority answers, read totally: JSON of any shape in, what we use of it out, or an AcmeError.
// RFC 8555 §7.1, and §6.7 for what went wrong; RFC 9773 §4.2 for when to renew.

/** The authority's answer was an error, or makes no sense; the message is for people. */
export class AcmeError extends Error {
  override readonly name = 'AcmeError';
  /** The last part of RFC 8555's type: `rateLimited`; '' for what is none of these. */
  readonly type: string;
  /** Not before, in milliseconds since 1970, if it says so. */
  readonly retryAt: number | undefined;

  constructor(message: string, about: { readonly type?: string; readonly retryAt?: number } = {}) {
    super(message);
    this.type = about.type ?? '';
    this.retryAt = about.retryAt;
  }
}

export interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  readonly revokeCert: string | undefined;
  /** RFC 9773 §4.1: undefined where renewal is not advised on. */
  readonly renewalInfo: string | undefined;
  readonly terms: string | undefined;
  readonly externalAccountRequired: boolean;
}

export interface Order {
  readonly status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';
  readonly authorizations: readonly string[];
  readonly finalize: string;
  readonly certificate: string | undefined;
  readonly problem: Problem | undefined;
}

export interface Authorization {
  readonly status: 'pending' | 'valid' | 'invalid' | 'deactivated' | 'expired' | 'revoked';
  /** Of a wildcard, without its `*.`. */
  readonly name: string;
  readonly challenges: readonly Challenge[];
}

export interface Challenge {
  readonly type: string;
  readonly url: string;
  readonly token: string;
  readonly problem: Problem | undefined;
}

export interface Problem {
  readonly type: string;
  readonly detail: string;
}

/** When the authority would like a certificate to be renewed. */
export interface RenewalWindow {
  readonly start: number;
  readonly end: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** Limits: of what an order may have, and of words that go to logs. */
const listMax = 100;
const wordsMax = 500;

export function readDirectory(json: unknown): Directory {
  const fields = fieldsOf(json, 'the directory');
  const meta = isFields(fields.meta) ? fields.meta : {};
  return {
    newNonce: urlIn(fields, 'newNonce'),
    newAccount: urlIn(fields, 'newAccount'),
    newOrder: urlIn(fields, 'newOrder'),
    revokeCert: fields.revokeCert === undefined ? undefined : urlIn(fields, 'revokeCert'),
    renewalInfo: fields.renewalInfo === undefined ? undefined : urlIn(fields, 'renewalInfo'),
    terms: typeof meta.termsOfService === 'string' ? words(meta.termsOfService) : undefined,
    externalAccountRequired: meta.externalAccountRequired === true,
  };
}

const orderStates = ['pending', 'ready', 'processing', 'valid', 'invalid'] as const;

export function readOrder(json: unknown): Order {
  const fields = fieldsOf(json, 'an order');
  return {
    status: wordIn(fields, 'status', orderStates),
    authorizations: listIn(fields, 'authorizations').map((url) => urlIn({ url }, 'url')),
    finalize: urlIn(fields, 'finalize'),
    certificate: fields.certificate === undefined ? undefined : urlIn(fields, 'certificate'),
    problem: problemIn(fields.error),
  };
}

const authorizationStates = [
  ...(['pending', 'valid', 'invalid'] as const),
  ...(['deactivated', 'expired', 'revoked'] as const),
] as const;

export function readAuthorization(json: unknown): Authorization {
  const fields = fieldsOf(json, 'an authorization');
  const identifier = fieldsOf(fields.identifier, 'an identifier');
  return {
    status: wordIn(fields, 'status', authorizationStates),
    name: textIn(identifier, 'value').toLowerCase(),
    challenges: listIn(fields, 'challenges').flatMap((one) => {
      const challenge = fieldsOf(one, 'a challenge');
      // Kinds we do not know may have anything, and no token.
      if (typeof challenge.token !== 'string') return [];
      return [
        {
          type: textIn(challenge, 'type'),
          url: urlIn(challenge, 'url'),
          token: tokenIn(challenge),
          problem: problemIn(challenge.error),
        },
      ];
    }),
  };
}

/** RFC 9773 §4.2. */
export function readRenewalInfo(json: unknown): RenewalWindow {
  const window = fieldsOf(fieldsOf(json, 'renewal information').suggestedWindow, 'a window');
  const start = Date.parse(textIn(window, 'start'));
  const end = Date.parse(textIn(window, 'end'));
  if (!(start < end)) throw nonsense('a window for renewal that ends before it begins');
  return { start, end };
}

/** RFC 8555 §6.7: a problem document (RFC 7807). */
export function readProblem(json: unknown): Problem {
  return problemIn(json) ?? { type: '', detail: '' };
}

function problemIn(json: unknown): Problem | undefined {
  if (!isFields(json)) return undefined;
  const { type, detail, subproblems } = json;
  const name = typeof type === 'string' ? (type.split(':').at(-1) ?? '') : '';
  const details = (Array.isArray(subproblems) ? subproblems.slice(0, listMax) : []).flatMap(
    (one) => (isFields(one) && typeof one.detail === 'string' ? [one.detail] : []),
  );
  const said = [...(typeof detail === 'string' ? [detail] : []), ...details].join('; ');
  return { type: words(name), detail: words(said) };
}

/** "DETAIL (TYPE)", as far as there is anything. */
export const problemText = ({ type, detail }: Problem): string =>
  [detail, type === '' ? '' : `(${type})`].filter((part) => part !== '').join(' ');

// RFC 8555 §8.3: a token is base64url, so it can be in a path and no path of its own.
function tokenIn(fields: Fields): string {
  const token = textIn(fields, 'token');
  if (!/^[A-Za-z0-9_-]{16,256}$/.test(token)) throw nonsense('a token that is none');
  return token;
}

function fieldsOf(json: unknown, what: string): Fields {
  if (isFields(json)) return json;
  throw nonsense(`${what} that is no object`);
}

const isFields = (json: unknown): json is Fields =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

function listIn(fields: Fields, name: string): readonly unknown[] {
  const list = fields[name];
  if (Array.isArray(list) && list.length <= listMax) return list;
  throw nonsense(`no list of ${name}`);
}

function textIn(fields: Fields, name: string): string {
  const text = fields[name];
  if (typeof text === 'string' && text !== '') return text;
  throw nonsense(`no ${name}`);
}

function wordIn<const T extends string>(fields: Fields, name: string, known: readonly T[]): T {
  const found = known.find((word) => word === fields[name]);
  if (found !== undefined) return found;
  throw nonsense(`no ${name} that is known`);
}

// RFC 8555 §6.1: HTTPS only.
function urlIn(fields: Fields, name: string): string {
  const url = URL.parse(textIn(fields, name));
  if (url?.protocol === 'https:') return url.href;
  throw nonsense(`no address by HTTPS as ${name}`);
}

const words = (text: string): string =>
  text.replace(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, wordsMax);

const nonsense = (what: string) => new AcmeError(`the authority sent ${what}`);
