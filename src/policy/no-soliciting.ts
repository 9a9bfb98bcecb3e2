// The sign at the door: classes of solicitation that are not wanted here, as the operator names them. RFC 3865.
// It counts what a message says of itself, in MAIL or in its Solicitation field.

import { headerValue, parseHeader } from '../mail/header/header.ts';
import { findParam } from '../smtp/extensions/index.ts';
import { parseSolicitation } from '../smtp/extensions/no-soliciting.ts';
import { reply } from '../smtp/reply.ts';
import type { ClientFacts } from './envelope.ts';
import { entersHere } from './envelope.ts';
import type { Policy, PolicyAnswer } from './policy.ts';

export function noSoliciting(options: { readonly classes: () => readonly string[] }): Policy {
  const judge = (said: readonly string[] = []): PolicyAnswer | undefined => {
    const refused = new Set(options.classes().map((name) => name.toLowerCase()));
    const found = said.filter((name) => refused.has(name.toLowerCase()));
    if (found.length === 0) return undefined;
    // RFC 3865 §2.4: 5.7.1, and the classes that matched.
    return { objection: reply(550, '7.1', `Not wanted here: SOLICIT=${found.join(',')}`) };
  };
  // What leaves us is for others to judge by their own signs.
  const isJudged = (client: ClientFacts) => options.classes().length > 0 && !entersHere(client);
  return {
    name: 'no-soliciting',
    rcpt({ client, params }) {
      return isJudged(client) ? judge(findParam(params, 'SOLICIT')?.classes) : undefined;
    },
    // RFC 3865 §2.3: "SHOULD NOT deliver a message where the "Solicitation:" matches"
    message({ client }, { head, header }) {
      if (!isJudged(client)) return undefined;
      const field = headerValue(parseHeader(head.subarray(0, header.end)), 'solicitation');
      return field === undefined ? undefined : judge(parseSolicitation(field.replace(/\s/g, '')));
    },
  };
}
