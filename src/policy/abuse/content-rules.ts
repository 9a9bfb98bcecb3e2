// Rules of the operator about header fields and names of attachments. Every rule is looked at; one that says
// `reject` refuses the message, `quarantine` puts it into Junk, `note` is told by `why`. Values are compared as
// people read them, with encoded words (RFC 2047) and parameters in pieces (RFC 2231) decoded, and whatever else
// programs make of them (attachment-names.ts). What is inside of archives is not looked at: that is a virus scanner's work.

import { globMatches } from '../../base/glob.ts';
import { SharedRoom } from '../../base/shared-room.ts';
import { decodeEncodedWords } from '../../mail/fields/encoded-word.ts';
import type { Finding } from '../../mail/finding.ts';
import { parseHeader } from '../../mail/header/header.ts';
import type { Reply } from '../../smtp/reply.ts';
import { reply } from '../../smtp/reply.ts';
import type { Arrival, Policy, PolicyAnswer } from '../policy.ts';
import type { AttachmentNames } from './attachment-names.ts';
import { attachmentNames, decodedAtOnceMax } from './attachment-names.ts';
import { asRead, bothEnds } from './text-as-read.ts';

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

/** Limit: characters of a value that are compared: as many at its beginning, and at its end. */
const valueMax = 10_000;
/** Limit: fields that are looked at. */
const valuesMax = 10_000;
const name = 'content-rules';

const noFiles: AttachmentNames = { names: [], unclear: undefined };

export function contentRules({ rules }: ContentRulesParts): Policy {
  const room = new SharedRoom(decodedAtOnceMax);
  return {
    name,
    message(_, arrival) {
      const now = rules();
      const first = now.some(({ attachment }) => attachment !== undefined)
        ? attachmentNames(arrival.open(), room)
        : noFiles;
      return first instanceof Promise
        ? first.then((files) => judge(now, arrival, files))
        : judge(now, arrival, first);
    },
  };
}

function judge(
  rules: readonly ContentRule[],
  { head, header }: Arrival,
  files: AttachmentNames,
): PolicyAnswer | undefined {
  const fields = fieldsNamedIn(rules, head.subarray(0, header.end));
  const found: Finding[] = [];
  let objection: Reply | undefined;
  for (const rule of rules) {
    const { header: field, attachment } = rule;
    const values = field === undefined ? files.names : (fields.get(field.toLowerCase()) ?? []);
    const pattern = attachment ?? rule.pattern ?? '';
    const fits = values.some((one) => globMatches(pattern, one));
    if (!fits && (field !== undefined || files.unclear === undefined)) continue;
    const what = field === undefined ? 'an attachment' : `the field ${field}`;
    const text = fits
      ? `${what} is like ${pattern}`
      : `${what} may be like ${pattern}: ${files.unclear}`;
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
    const text = decodeEncodedWords(value);
    values.push(...new Set([text, asRead(text)].map((one) => bothEnds(one, valueMax))));
    found.set(lowerName, values);
  }
  return found;
}
