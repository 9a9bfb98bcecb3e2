// Rules of the operator about header fields and names of attachments. Every rule is looked at; one that says
// `reject` refuses the message, `quarantine` puts it into Junk, `note` is told by `why`. Values are compared as
// people read them, with encoded words (RFC 2047) and parameters in pieces (RFC 2231) decoded. What is inside of
// archives is not looked at: that is a virus scanner's work.

import { globMatches } from '../../base/glob.ts';
import { decodeEncodedWords } from '../../mail/fields/encoded-word.ts';
import type { Finding } from '../../mail/finding.ts';
import { parseHeader } from '../../mail/header/header.ts';
import type { MimePart } from '../../mail/mime/mime-part.ts';
import { mimeLimits } from '../../mail/mime/mime-part.ts';
import { MimeScanner } from '../../mail/mime/mime-scanner.ts';
import type { Reply } from '../../smtp/reply.ts';
import { reply } from '../../smtp/reply.ts';
import type { Arrival, Policy, PolicyAnswer } from '../policy.ts';

/** One entry of the configuration's `contentRules`: either `header` and `pattern`, or `attachment`. */
export interface ContentRule {
  readonly header?: string | undefined;
  readonly pattern?: string | undefined;
  /** A pattern of the name of a file. */
  readonly attachment?: string | undefined;
  readonly action: 'reject' | 'quarantine' | 'note';
  /** What whoever is refused hears. */
  readonly text?: string | undefined;
}

export interface ContentRulesParts {
  readonly rules: () => readonly ContentRule[];
}

/** Limit: characters of a value that are compared. */
const valueMax = 2_000;
/** Limit: fields, and files, that are looked at. */
const valuesMax = 10_000;
const name = 'content-rules';

export function contentRules({ rules }: ContentRulesParts): Policy {
  return {
    name,
    message(_, arrival) {
      const now = rules();
      const first = now.some(({ attachment }) => attachment !== undefined)
        ? fileNames(arrival)
        : [];
      return first instanceof Promise
        ? first.then((files) => judge(now, arrival, files))
        : judge(now, arrival, first);
    },
  };
}

function judge(
  rules: readonly ContentRule[],
  { head, header }: Arrival,
  files: readonly string[],
): PolicyAnswer | undefined {
  const fields = fieldsNamedIn(rules, head.subarray(0, header.end));
  const found: Finding[] = [];
  let objection: Reply | undefined;
  for (const rule of rules) {
    const { header: field, attachment } = rule;
    const values = field === undefined ? files : (fields.get(field.toLowerCase()) ?? []);
    const pattern = attachment ?? rule.pattern ?? '';
    if (!values.some((one) => globMatches(pattern, one.slice(0, valueMax)))) continue;
    const what = field === undefined ? 'an attachment' : `the field ${field}`;
    const text = `${what} is like ${pattern}`;
    found.push(
      rule.action === 'quarantine'
        ? { kind: 'filter', filter: name, verdict: `${text}, Junk`, junk: true }
        : { kind: 'note', policy: name, text },
    );
    if (rule.action === 'reject') objection ??= refusal(rule, what);
  }
  if (found.length === 0) return undefined;
  return { findings: found, ...(objection !== undefined && { objection }) };
}

// RFC 3463 §3.7: X.6.0, the content; 554 as RFC 5321 §4.2.3 has it for a transaction that failed.
const refusal = ({ text }: ContentRule, what: string): Reply =>
  reply(554, '6.0', text ?? `Refused by a rule of this server: ${what}`);

/** By name in lower case, those that rules ask about. */
function fieldsNamedIn(
  rules: readonly ContentRule[],
  head: Uint8Array,
): ReadonlyMap<string, readonly string[]> {
  const names = new Set(rules.flatMap(({ header }) => header?.toLowerCase() ?? []));
  const found = new Map<string, string[]>();
  if (names.size === 0) return found;
  for (const { lowerName, value } of parseHeader(head, { names, fieldsMax: valuesMax })) {
    const values = found.get(lowerName) ?? [];
    values.push(decodeEncodedWords(value));
    found.set(lowerName, values);
  }
  return found;
}

function fileNames({ open }: Arrival): readonly string[] | Promise<readonly string[]> {
  const content = open();
  const scanner = new MimeScanner(mimeLimits);
  if (content.bytes !== undefined) {
    scanner.push(content.bytes);
    return namesIn(scanner.end().part);
  }
  return (async () => {
    for await (const piece of content.read()) scanner.push(piece);
    return namesIn(scanner.end().part);
  })();
}

/** Recursion is as deep as MimeLimits.depthMax. */
function namesIn(part: MimePart, found: string[] = []): readonly string[] {
  const { disposition, contentType, children, message } = part;
  if (found.length >= valuesMax) return found;
  // Field: the two differ on purpose, so that a filter sees one and the reader the other.
  for (const given of [disposition?.params.get('filename'), contentType.params.get('name')])
    if (given !== undefined) found.push(decodeEncodedWords(given));
  for (const child of children) namesIn(child, found);
  if (message !== undefined) namesIn(message, found);
  return found;
}
