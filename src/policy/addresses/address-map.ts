// Who is a recipient: for each RCPT, what the address stands for, or why it is refused. What is
// refused here need not be bounced later. RFC 5321 §3.6.2, §3.9 and §4.5.1, RFC 3461 §5.2.7.
//
// In a domain of ours an address is looked for as: alias, account, the same two without what follows the
// delimiter (`ann+lists` is `ann`), a sender whose mail was sent on (return-addresses.ts), catch-all alias. An alias
// may name its own address: there it means the account, so that `ann: [ann, bob]` keeps a copy for ann. A tag of a
// sender of ours is taken off first.

import type { Log } from '../../base/log.ts';
import type { Mailbox } from '../../mail/fields/address.ts';
import {
  addressKey,
  completeAddress,
  domainKey,
  formatMailbox,
  parseMailbox,
} from '../../mail/fields/address.ts';
import type { Reply } from '../../smtp/reply.ts';
import { reply } from '../../smtp/reply.ts';
import type { Account, AccountStore } from '../../store/account-store.ts';
import type { ResolvedRecipient } from './expansion.ts';
import { copyElsewhere, Expansion } from './expansion.ts';
import type { Domain, KnownDomainsOptions } from './known-domains.ts';
import { KnownDomains } from './known-domains.ts';
import { withoutDetail } from './recipient-detail.ts';
import type { ReturnAddresses } from './return-addresses.ts';

export type Resolution =
  | {
      readonly kind: 'accept';
      readonly recipients: readonly [ResolvedRecipient, ...ResolvedRecipient[]];
    }
  | { readonly kind: 'refuse'; readonly reply: Reply };

/** On whose behalf. */
export interface Asking {
  /** The client is trusted or logged in. */
  readonly mayRelay: boolean;
  /** The address of ours that the client reached: its literal is ours. RFC 5321 §4.1.3. */
  readonly ourAddress?: string | undefined;
}

export interface AddressMap {
  /** Once for each RCPT. */
  resolve(recipient: Mailbox, who: Asking): Promise<Resolution>;
  /** The account that an address belongs to now, delimiter considered, aliases not. */
  accountOf(address: string): Promise<string | undefined>;
  /** Mail for the domain is delivered here. */
  isOurs(domain: string): boolean;
}

export interface AddressMapOptions extends KnownDomainsOptions {
  readonly accounts: Pick<AccountStore, 'find' | 'list'>;
  /** Address, or `@domain` for what nobody else has, to addresses. */
  readonly aliases: ReadonlyMap<string, readonly string[]>;
  /** One character, or '' for none. */
  readonly recipientDelimiter: string;
  /** `postrider dev`: any address of any domain has an inbox. */
  readonly acceptAll?: boolean | undefined;
  /** What senders are called on the way out; undefined: they keep their names. */
  readonly returnAddresses?: Pick<ReturnAddresses, 'reverse' | 'untagged'> | undefined;
  readonly log: Log;
}

// RFC 5321 §3.6.2: a server need not relay. RFC 3463 §3.8: X.7.1.
const relayingDenied = reply(550, '7.1', 'Relaying denied');
// RFC 3463 §3.2: X.1.1, bad destination mailbox address; X.1.3, its syntax.
const noMailbox = reply(550, '1.1', 'No such mailbox here');
// RFC 3463 §3.2: X.1.1; it was one, or is written like one.
const noReturnAddress = reply(550, '1.1', 'This return address is not valid, or not any more');
const noDomainGiven = reply(550, '1.3', 'The address has no domain');
// RFC 3463 §3.5: X.4.6, routing loop detected.
const aliasLoop = reply(550, '4.6', 'The address is an alias that leads back to itself');
// RFC 3463 §3.6: X.5.3, too many recipients.
const aliasTooWide = reply(550, '5.3', 'The address stands for too many recipients');

/** Limit: aliases of aliases of aliases. */
const depthMax = 32;

export function createAddressMap(options: AddressMapOptions): AddressMap {
  return new ConfiguredAddressMap(options);
}

class ConfiguredAddressMap implements AddressMap {
  readonly #options: AddressMapOptions;
  readonly #domains: KnownDomains;
  readonly #aliases = new Map<string, readonly string[]>();
  /** The account that gets mail for postmaster where nobody else does. */
  #first: string | undefined;

  constructor(options: AddressMapOptions) {
    this.#options = options;
    const aliased = new Set<string>();
    for (const [address, targets] of options.aliases) {
      const domain = domainKey(address.slice(address.lastIndexOf('@') + 1));
      this.#aliases.set(address.startsWith('@') ? `@${domain}` : addressKey(address), targets);
      aliased.add(domain);
    }
    this.#domains = new KnownDomains(options, aliased);
  }

  resolve(recipient: Mailbox, who: Asking): Promise<Resolution> {
    if (this.#options.acceptAll) return this.#acceptAny(recipient);
    const { returnAddresses } = this.#options;
    const isOurs = this.#domains.of(recipient.domain).place === 'ours';
    if (!isOurs || returnAddresses === undefined) return this.#resolve(recipient, who);
    return this.#resolveTagged(recipient, who, returnAddresses);
  }

  async #resolveTagged(
    recipient: Mailbox,
    who: Asking,
    returnAddresses: Pick<ReturnAddresses, 'untagged'>,
  ): Promise<Resolution> {
    const plain = await returnAddresses.untagged(recipient);
    if (plain === undefined) return this.#resolve(recipient, who);
    if (plain.kind !== 'sender') return { kind: 'refuse', reply: noReturnAddress };
    return this.#resolve(plain.sender, who);
  }

  async #resolve(recipient: Mailbox, { mayRelay, ourAddress }: Asking): Promise<Resolution> {
    const domain = this.#domains.reachedAt(recipient.domain, ourAddress);
    if (isPostmaster(recipient) && isOfPostmaster(recipient, domain))
      return this.#postmaster(recipient, domain);
    switch (domain.place) {
      case 'elsewhere':
        if (recipient.domain === '') return { kind: 'refuse', reply: noDomainGiven };
        return mayRelay ? asItIs(recipient) : { kind: 'refuse', reply: relayingDenied };
      case 'relayed':
        return domain.aliased ? this.#expand(recipient) : asItIs(recipient);
      case 'ours':
        return this.#expand(recipient);
      case 'postmaster-only':
        return { kind: 'refuse', reply: noMailbox };
    }
  }

  async accountOf(address: string): Promise<string | undefined> {
    if (this.#options.acceptAll) return addressKey(completeAddress(address, this.#domains.primary));
    const key = addressKey(address);
    const exact = await this.#options.accounts.find(key);
    if (exact !== undefined) return exact.address;
    const stripped = withoutDetail(key, this.#options.recipientDelimiter);
    return stripped === undefined
      ? undefined
      : (await this.#options.accounts.find(stripped))?.address;
  }

  isOurs(domain: string): boolean {
    return this.#options.acceptAll === true || this.#domains.of(domain).place === 'ours';
  }

  async #acceptAny(recipient: Mailbox): Promise<Resolution> {
    const named =
      recipient.domain === '' ? { ...recipient, domain: this.#domains.primary } : recipient;
    const address = formatMailbox(named);
    const account = addressKey(named);
    return { kind: 'accept', recipients: [{ address, account, copy: account }] };
  }

  // RFC 5321 §4.5.1: a server that delivers or relays has a postmaster, in each domain and without
  // one. An alias or account of that name; else whoever gets what nobody has; else the first account.
  async #postmaster(recipient: Mailbox, { key, place }: Domain): Promise<Resolution> {
    const own = place === 'ours' ? key : this.#domains.primary;
    const mailbox = { local: 'postmaster', domain: own };
    const found = await this.#expand(mailbox, formatMailbox(recipient));
    if (found.kind === 'accept') return found;
    const first = await this.#firstAccount();
    if (first === undefined) {
      this.#options.log.warn('nobody is postmaster: add an alias or an account', { domain: own });
      return found;
    }
    const original = formatMailbox(recipient);
    const { address } = first;
    return { kind: 'accept', recipients: [{ address, account: address, copy: address, original }] };
  }

  /** Strangers ask for it: all accounts are read when the one that is known has gone, and not for each RCPT. */
  async #firstAccount(): Promise<Account | undefined> {
    const { accounts } = this.#options;
    const known = this.#first === undefined ? undefined : await accounts.find(this.#first);
    if (known !== undefined) return known;
    const [first] = await accounts.list();
    this.#first = first?.address;
    return first;
  }

  /** All that an address of ours stands for. */
  async #expand(recipient: Mailbox, named = formatMailbox(recipient)): Promise<Resolution> {
    const expansion = new Expansion(named);
    await this.#follow(recipient, expansion);
    const [first, ...rest] = expansion.found.values();
    if (expansion.tooWide) {
      this.#options.log.warn('an alias stands for too many recipients', { alias: named });
      return { kind: 'refuse', reply: aliasTooWide };
    }
    if (expansion.missing.length > 0 && first !== undefined)
      this.#options.log.warn('an alias names addresses that lead nowhere', {
        alias: named,
        targets: expansion.missing.slice(0, 10),
      });
    if (first !== undefined) return { kind: 'accept', recipients: [first, ...rest] };
    if (expansion.noReturn) return { kind: 'refuse', reply: noReturnAddress };
    return { kind: 'refuse', reply: expansion.looped ? aliasLoop : noMailbox };
  }

  /** `from` is the alias that led here, if one did. */
  async #follow(mailbox: Mailbox, expansion: Expansion, from?: string): Promise<void> {
    if (expansion.isFull()) return;
    const domain = this.#domains.of(mailbox.domain);
    const local = domain.place === 'ours';
    const address = formatMailbox(mailbox);
    if (!local && !(domain.place === 'relayed' && domain.aliased))
      return expansion.add({ address, copy: copyElsewhere(mailbox) });
    const key = addressKey(mailbox);
    const stripped = withoutDetail(key, this.#options.recipientDelimiter);
    for (const candidate of stripped === undefined ? [key] : [key, stripped]) {
      if (candidate !== from && (await this.#followAlias(candidate, expansion))) return;
      const account = local ? await this.#options.accounts.find(candidate) : undefined;
      if (account === undefined) continue;
      const copy = account.address + (candidate === stripped ? this.#detailOf(key) : '');
      return expansion.add({ address, account: account.address, copy });
    }
    if (local && (await this.#followBack(mailbox, expansion))) return;
    const catchAll = `@${domain.key}`;
    if (catchAll !== from && (await this.#followAlias(catchAll, expansion))) return;
    if (local) expansion.missing.push(address);
    else expansion.add({ address, copy: copyElsewhere(mailbox) });
  }

  /** False when there is no such alias. Each is followed once, so that this ends. */
  async #followAlias(key: string, expansion: Expansion): Promise<boolean> {
    const targets = this.#aliases.get(key);
    if (targets === undefined) return false;
    if (expansion.done.has(key)) return true;
    if (expansion.open.has(key) || expansion.open.size >= depthMax) {
      expansion.looped = true;
      expansion.missing.push(key);
      return true;
    }
    expansion.open.add(key);
    for (const target of targets) {
      const mailbox = parseMailbox(target);
      if (mailbox === undefined) expansion.missing.push(target);
      else await this.#follow(mailbox, expansion, key);
    }
    expansion.open.delete(key);
    expansion.done.add(key);
    return true;
  }

  /** False when it is no return address. */
  async #followBack({ local }: Mailbox, expansion: Expansion): Promise<boolean> {
    const found = await this.#options.returnAddresses?.reverse(local);
    if (found === undefined) return false;
    if (found.kind !== 'sender') expansion.noReturn = true;
    else if (expansion.cameBack) expansion.looped = true;
    else {
      expansion.cameBack = true;
      await this.#follow(found.sender, expansion);
    }
    return true;
  }

  /** From the delimiter on: what withoutDetail() leaves out. */
  #detailOf(key: string): string {
    return key.slice(key.indexOf(this.#options.recipientDelimiter), key.lastIndexOf('@'));
  }
}

const isPostmaster = ({ local }: Mailbox): boolean => local.toLowerCase() === 'postmaster';

const isOfPostmaster = ({ domain }: Mailbox, { place }: Domain): boolean =>
  domain === '' || place === 'ours' || place === 'postmaster-only';

const asItIs = (recipient: Mailbox): Resolution => ({
  kind: 'accept',
  recipients: [{ address: formatMailbox(recipient), copy: copyElsewhere(recipient) }],
});
