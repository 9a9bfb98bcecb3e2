// The operator's own list of whom to allow and whom to refuse: by client, sender and recipient, first match. Who
// is allowed is spared all the other rules for strangers; a rule that asks for something that is
// not known yet (the recipient, at MAIL) decides nothing until it is.

import type { Mailbox, ReversePath } from '../../mail/fields/address.ts';
import { addressKey, domainKey } from '../../mail/fields/address.ts';
import type { Networks } from '../../net/network.ts';
import { createNetworks } from '../../net/network.ts';
import type { Reply } from '../../smtp/reply.ts';
import { reply } from '../../smtp/reply.ts';
import { DomainPatterns } from '../addresses/domain-patterns.ts';
import { withoutDetail } from '../addresses/recipient-detail.ts';
import type { Policy } from '../policy.ts';
import { stableSender } from './stable-sender.ts';

/** One entry of the configuration's `access`. What it does not name it does not ask about. */
export interface AccessRule {
  readonly client?: readonly string[] | undefined;
  /** `ann@x.example`, `@x.example`, `@.x.example` for the subdomains; `<>` is the null sender. */
  readonly sender?: readonly string[] | undefined;
  readonly recipient?: readonly string[] | undefined;
  readonly action: 'allow' | 'reject' | 'defer';
  /** What whoever is refused hears. */
  readonly text?: string | undefined;
}

/** What is known by now; undefined: not yet. */
export interface Seen {
  readonly address: string;
  readonly sender?: ReversePath | undefined;
  readonly recipient?: Mailbox | undefined;
}

export interface AccessList {
  readonly isEmpty: boolean;
  /** The rule that decides, and its place in the list. */
  decide(seen: Seen): { readonly rule: AccessRule; readonly place: number } | undefined;
}

/** `delimiter`: an address of ours is meant with what follows it, too (`ann+lists` is `ann`); '' for none. */
export function accessList(rules: readonly AccessRule[], delimiter = ''): AccessList {
  const compiled = rules.map((rule) => ({
    client: rule.client && createNetworks(rule.client),
    sender: rule.sender && new AddressPatterns(rule.sender, stableSender),
    recipient:
      rule.recipient &&
      new AddressPatterns(rule.recipient, (key) => withoutDetail(key, delimiter) ?? key),
  }));
  return {
    isEmpty: rules.length === 0,
    decide(seen) {
      for (const [i, one] of compiled.entries()) {
        const fits = matches(one, seen);
        if (fits === 'unknown') return undefined;
        if (fits) return { rule: rules[i]!, place: i };
      }
      return undefined;
    },
  };
}

interface Compiled {
  readonly client: Networks | undefined;
  readonly sender: AddressPatterns | undefined;
  readonly recipient: AddressPatterns | undefined;
}

function matches({ client, sender, recipient }: Compiled, seen: Seen): boolean | 'unknown' {
  if (client !== undefined && !client.has(seen.address)) return false;
  if (sender !== undefined && seen.sender === undefined) return 'unknown';
  if (sender !== undefined && !sender.has(seen.sender!)) return false;
  if (recipient !== undefined && seen.recipient === undefined) return 'unknown';
  return recipient === undefined || recipient.has(seen.recipient!);
}

class AddressPatterns {
  readonly #addresses = new Set<string>();
  readonly #domains: DomainPatterns;
  readonly #hasNull: boolean;
  /** Of a key that is not among the addresses itself. */
  readonly #otherKey: (key: string) => string;

  constructor(patterns: readonly string[], otherKey: (key: string) => string) {
    this.#otherKey = otherKey;
    this.#hasNull = patterns.includes('<>');
    this.#domains = new DomainPatterns(
      patterns.filter((one) => one.startsWith('@')).map((one) => one.slice(1)),
    );
    for (const one of patterns)
      if (!one.startsWith('@') && one !== '<>') this.#addresses.add(addressKey(one));
  }

  has(path: Mailbox | null): boolean {
    if (path === null) return this.#hasNull;
    const key = addressKey(path);
    return (
      this.#addresses.has(key) ||
      this.#addresses.has(this.#otherKey(key)) ||
      this.#domains.matches(domainKey(path.domain)).length > 0
    );
  }
}

export interface AccessParts {
  readonly list: () => AccessList;
}

// RFC 3463 §3.8: X.7.1. At RCPT, so that the log has sender and recipient.
const refused = (text = 'Refused by a rule of this server'): Reply => reply(550, '7.1', text);
const deferred = (text = 'Not now, by a rule of this server'): Reply => reply(450, '7.1', text);

export function access({ list }: AccessParts): Policy {
  return {
    name: 'access',
    rcpt({ client, sender, findings }, { named }) {
      const decided = list().decide({ address: client.remote.address, sender, recipient: named });
      if (decided === undefined) return undefined;
      const { action, text } = decided.rule;
      const finding = { kind: 'access', action, place: decided.place } as const;
      const isKnown = findings.some(
        (one) => one.kind === 'access' && one.place === finding.place && one.action === action,
      );
      return {
        ...(!isKnown && { findings: [finding] }),
        ...(action === 'reject' && { objection: refused(text) }),
        ...(action === 'defer' && { objection: deferred(text) }),
      };
    },
  };
}
