// NO-SOLICITING: which classes of solicitation are not wanted here, and which a message is of. RFC 3865. The
// keyword is offered without classes, too, so that a hop can hand the parameter on.

import type { Extension, ParamRule } from './extension.ts';
import { sendIfOffered } from './extension.ts';

export interface SolicitParam {
  readonly name: 'SOLICIT';
  readonly classes: readonly string[];
}

/** Limit: RFC 3865 §2.2, of all keywords together. */
const keywordsCharsMax = 1000;
// RFC 3865 §2.2: word = ALPHA 0*(wordchar)
const keywords = /^[a-z][a-z0-9._:-]*(?:,[a-z][a-z0-9._:-]*)*$/i;

/** Also the value of a Solicitation field; undefined when it is none. */
export function parseSolicitation(text: string): readonly string[] | undefined {
  return text.length < keywordsCharsMax && keywords.test(text) ? text.split(',') : undefined;
}

const solicitParam: ParamRule<SolicitParam> = {
  name: 'SOLICIT',
  parse(value) {
    const classes = parseSolicitation(value);
    return classes && { name: 'SOLICIT', classes };
  },
  format,
  // RFC 3865 §2.7
  relay: sendIfOffered('NO-SOLICITING', format),
};

function format({ classes }: SolicitParam): string {
  return `SOLICIT=${classes.join(',')}`;
}

export const noSoliciting = {
  keyword: 'NO-SOLICITING',
  advertise: ({ noSoliciting: classes = [] }) => classes.join(','),
  mail: [solicitParam],
  // RFC 3865 §4: " SOLICIT=" and less than 1000 characters
  mailBytes: 1007,
} as const satisfies Extension;
