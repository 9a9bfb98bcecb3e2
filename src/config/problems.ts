// What is wrong with a configuration, as sentences with paths: `listeners[1].port: …`. All of it at
// once, with the nearest known name beside an unknown one, and what other mail servers call it.

import type { z } from 'zod';
import { nearest } from '../base/nearest.ts';
import { shown } from './settings/setting.ts';

export interface Problem {
  /** `listeners[1].port`; '' for the file as a whole. */
  readonly path: string;
  readonly message: string;
  /** A file that the configuration names and that cannot be read: the configuration itself is right. */
  readonly file?: true;
}

type Path = readonly PropertyKey[];

export function formatPath(path: Path): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (/^[a-z_$][\w$]*$/i.test(String(key)))
      text += text === '' ? String(key) : `.${String(key)}`;
    else text += `[${shown(String(key))}]`;
  }
  return text;
}

export const formatProblem = ({ path, message }: Problem): string =>
  path === '' ? message : `${path}: ${message}`;

/** What those who come from Postfix or mox write, and what it is here. */
const foreignNames: ReadonlyMap<string, string> = new Map([
  ['myhostname', 'hostname'],
  ['host', 'hostname'],
  ['mydestination', 'domains'],
  ['virtualmailboxdomains', 'domains'],
  ['relaydomain', 'relayDomains'],
  ['mynetworks', 'trustedNetworks'],
  ['relayhost', "routes: [{ domain: '*', host: '…' }]"],
  ['transportmaps', 'routes'],
  ['transports', 'routes'],
  ['aliasmaps', 'aliases'],
  ['virtualaliasmaps', 'aliases'],
  ['datadir', 'dataDirectory'],
  ['queuedirectory', 'dataDirectory'],
  ['messagesizelimit', 'limits.messageSize'],
  ['maxsize', 'limits.messageSize'],
  ['smtpdrecipientlimit', 'limits.recipients'],
  ['bouncequeuelifetime', 'queue.expireAfter'],
  ['maximalqueuelifetime', 'queue.expireAfter'],
  ['delaywarningtime', 'queue.warnAfter'],
  ['loglevel', 'logLevel'],
]);

/** The problems of one failed parse, in the order of the schema. */
export function problemsOf(
  error: z.ZodError,
  input: unknown,
  knownKeys: (path: Path) => readonly string[],
): Problem[] {
  return error.issues.flatMap((issue) => explain(issue, [], input, knownKeys));
}

function explain(
  issue: z.core.$ZodIssue,
  prefix: Path,
  input: unknown,
  knownKeys: (path: Path) => readonly string[],
): Problem[] {
  const path = [...prefix, ...issue.path];
  const at = formatPath(path);
  const value = valueAt(input, path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: formatPath([...path, key]),
        message: unknownKey(key, knownKeys(path)),
      }));
    case 'invalid_type':
    case 'invalid_value':
      return [{ path: at, message: wrongKind(issue, value) }];
    case 'invalid_union':
      return explainUnion(issue, path, input, knownKeys);
    case 'invalid_key':
      return issue.issues.map(({ message }) => ({ path: at, message: `its name ${message}` }));
    case 'too_small':
      return [
        {
          path: at,
          message:
            issue.minimum === 1
              ? 'must not be empty'
              : `must have at least ${issue.minimum} entries`,
        },
      ];
    case 'too_big':
      return [{ path: at, message: `must have at most ${issue.maximum} entries` }];
    default:
      return [{ path: at, message: issue.message }];
  }
}

function wrongKind(
  issue: z.core.$ZodIssueInvalidType | z.core.$ZodIssueInvalidValue,
  value: unknown,
): string {
  const kind =
    issue.code === 'invalid_value'
      ? issue.values.map((v) => shown(v)).join(' or ')
      : (kinds.get(issue.expected) ?? issue.expected);
  return value === undefined ? `is missing: give ${kind}` : `must be ${kind}, not ${shown(value)}`;
}

const kinds: ReadonlyMap<string, string> = new Map([
  ['object', 'an object'],
  ['record', 'an object'],
  ['array', 'a list'],
  ['string', 'a text'],
]);

/** Of the members of a union, the complaints of the one that was most likely meant. */
function explainUnion(
  issue: z.core.$ZodIssueInvalidUnion,
  path: Path,
  input: unknown,
  knownKeys: (path: Path) => readonly string[],
): Problem[] {
  const value = valueAt(input, path);
  const candidates = issue.errors.filter((errors) =>
    errors.every((e) => e.path.length > 0 || e.code === 'unrecognized_keys' || e.code === 'custom'),
  );
  const best = candidates.sort((a, b) => a.length - b.length)[0];
  if (best !== undefined) return best.flatMap((inner) => explain(inner, path, input, knownKeys));
  const { options } = issue as { readonly options?: readonly unknown[] };
  const known = options?.map((option) => shown(option)).join(' or ');
  const message =
    known === undefined ? `${issue.message}, not ${shown(value)}` : `must be ${known}`;
  return [{ path: formatPath(path), message }];
}

function unknownKey(key: string, known: readonly string[]): string {
  const foreign = foreignNames.get(key.toLowerCase().replaceAll('_', ''));
  const near = nearest(key, known) ?? foreign;
  return near === undefined
    ? `unknown setting; known here: ${known.join(', ')}`
    : `unknown setting; did you mean \`${near}\`?`;
}

function valueAt(input: unknown, path: Path): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value;
}
