// What the filters of an account say of a message: where it goes, how it is marked, to whom it is sent on. Pure, and
// linear in the header for each filter.

import { decodeEncodedWords } from '../../mail/fields/encoded-word.ts';
import type { HeaderField } from '../../mail/header/header.ts';
import type { AccountRules, FilterConditions } from './account-rules.ts';

export interface FilteredMail {
  readonly fields: readonly HeaderField[];
  /** The address that it came for, as RCPT named it. */
  readonly recipient: string;
  /** Octets. */
  readonly size: number;
}

export interface Placement {
  /** Undefined: where it would lie without filters. */
  readonly folder: string | undefined;
  readonly flags: readonly string[];
  readonly forward: readonly string[];
  readonly discard: boolean;
  /** Names of the filters that matched. */
  readonly matched: readonly string[];
}

/** Limit: characters of a field that are looked at. */
const fieldCharactersMax = 64 * 1024;

export function placementOf(
  { filters }: Pick<AccountRules, 'filters'>,
  mail: FilteredMail,
): Placement {
  const fields = new FieldTexts(mail.fields);
  const matched: string[] = [];
  const flags = new Set<string>();
  const forward: string[] = [];
  let folder: string | undefined;
  let discard = false;
  for (const { name, when, do: actions, stop } of filters) {
    if (!isMatch(when, mail, fields)) continue;
    matched.push(name);
    folder ??= actions.folder;
    if (actions.flag === true) flags.add('\\Flagged');
    if (actions.markRead === true) flags.add('\\Seen');
    forward.push(...(actions.forward ?? []));
    discard ||= actions.discard === true;
    if (stop) break;
  }
  return { folder, flags: [...flags], forward, discard, matched };
}

function isMatch(when: FilterConditions, mail: FilteredMail, fields: FieldTexts): boolean {
  const { from, to, subject, header, size } = when;
  const said = [
    from && fields.contain(['from'], from),
    to && (fields.contain(['to', 'cc'], to) || contains(mail.recipient, to)),
    subject && fields.contain(['subject'], subject),
    header && fields.contain([header.name.toLowerCase()], header.contains ?? ''),
    size && isWithin(mail.size, size),
  ].filter((one) => typeof one === 'boolean');
  if (said.length === 0) return true;
  return when.match === 'any' ? said.includes(true) : !said.includes(false);
}

const isWithin = (
  size: number,
  { over = -1, under = Number.POSITIVE_INFINITY }: NonNullable<FilterConditions['size']>,
): boolean => size > over && size < under;

const contains = (text: string, part: string): boolean =>
  text.toLowerCase().includes(part.toLowerCase());

/** The texts of fields, decoded once however many filters ask. */
class FieldTexts {
  readonly #fields: readonly HeaderField[];
  readonly #texts = new Map<string, readonly string[]>();

  constructor(fields: readonly HeaderField[]) {
    this.#fields = fields;
  }

  contain(names: readonly string[], part: string): boolean {
    return names.some((name) => this.#of(name).some((text) => contains(text, part)));
  }

  #of(name: string): readonly string[] {
    const known = this.#texts.get(name);
    if (known !== undefined) return known;
    const texts = this.#fields
      .filter(({ lowerName }) => lowerName === name)
      .map(({ value }) => decodeEncodedWords(value.slice(0, fieldCharactersMax)));
    this.#texts.set(name, texts);
    return texts;
  }
}
