// URLs with an authorization (RFC 4467) made and redeemed, for IMAP and for BURL. Whoever authorizes one lends what they
// may read themselves, a message or a part of it, to those that the URL names: for as long as they may read it, the URL
// has not expired, and the key of the mailbox is the same.

import type { Clock } from '../../../base/clock.ts';
import { domainKey } from '../../../mail/fields/address.ts';
import type { FolderStore } from '../../../store/folder-store.ts';
import type { Literal } from '../fetch/message-source.ts';
import { AccountNames } from '../names.ts';
import type { AuthorizedUrl, UrlAccess } from './authorized-url.ts';
import { parseAuthorizedUrl } from './authorized-url.ts';
import { readMessageUrl } from './url-content.ts';
import type { UrlKeysParts } from './url-keys.ts';
import { UrlKeys } from './url-keys.ts';

export interface UrlAuthorityParts extends UrlKeysParts {
  readonly folders: FolderStore;
  readonly clock: Clock;
  /** Of this server, read anew each time. */
  readonly hostname: () => string;
  /** The account that a user of a URL is. */
  readonly accountOf: (user: string) => Promise<string | undefined>;
}

/** Who wants to have what a URL names. */
export interface UrlBearer {
  readonly account: string;
  /** `submission`: to send it, for that account. */
  readonly as: 'reader' | 'submission';
}

/** `refused` is the authorization, `missing` what it is for. */
export type Redeemed =
  | { readonly kind: 'content'; readonly literal: Literal }
  | { readonly kind: 'refused' | 'missing' };

export class UrlAuthority {
  readonly #parts: UrlAuthorityParts;
  readonly #keys: UrlKeys;

  constructor(parts: UrlAuthorityParts) {
    this.#parts = parts;
    this.#keys = new UrlKeys(parts);
  }

  /** Of an account: for one mailbox a new key, or none for any. RFC 4467 §7, RESETKEY. */
  get keys(): Pick<UrlKeys, 'reset' | 'resetAll'> {
    return this.#keys;
  }

  /** The whole URL; undefined where `account` cannot authorize such a one. */
  async authorize(account: string, url: string): Promise<string | undefined> {
    const wanted = parseAuthorizedUrl(url);
    if (wanted === undefined || wanted.proof !== undefined) return undefined;
    // Whether the user exists to whom it is lent is not told. RFC 4467 §7, GENURLAUTH.
    if ((await this.#ownerOf(wanted)) !== account) return undefined;
    const found = await this.#read(account, wanted);
    if (found?.literal === undefined) return undefined;
    const token = await this.#keys.token(account, found.folder, wanted.rump);
    return `${wanted.rump}:internal:${token}`;
  }

  async redeem(bearer: UrlBearer, url: string): Promise<Redeemed> {
    const wanted = parseAuthorizedUrl(url);
    const owner = wanted && (await this.#ownerOf(wanted));
    if (owner === undefined || !(await this.#mayUse(bearer, wanted!.access))) return refused;
    const { proof, expires, rump, message } = wanted!;
    if (proof?.mechanism.toLowerCase() !== 'internal') return refused;
    if (expires !== undefined && expires <= this.#parts.clock.now()) return refused;
    const located = await new AccountNames(owner, this.#parts.folders).locate(message.mailbox);
    const isRight = await this.#keys.isRight(owner, located?.folder, rump, proof.token);
    if (located === undefined || !isRight) return refused;
    const literal = await readMessageUrl(message, located, this.#parts.folders);
    return literal === undefined ? { kind: 'missing' } : { kind: 'content', literal };
  }

  async #read(account: string, { message }: AuthorizedUrl) {
    const { folders } = this.#parts;
    const located = await new AccountNames(account, folders).locate(message.mailbox);
    if (located === undefined) return undefined;
    return { folder: located.folder, literal: await readMessageUrl(message, located, folders) };
  }

  /** Undefined: of another server, or of nobody here. */
  async #ownerOf({ host, owner }: AuthorizedUrl): Promise<string | undefined> {
    const { hostname, accountOf } = this.#parts;
    return domainKey(host) === domainKey(hostname()) ? accountOf(owner) : undefined;
  }

  // RFC 4467 §3. RFC 4468 §3.3: what is submitted is fetched by the submission server, not as its user.
  async #mayUse({ account, as }: UrlBearer, access: UrlAccess): Promise<boolean> {
    // Nobody comes here without having logged in.
    if (!('user' in access)) return true;
    const needed = access.kind === 'submit' ? 'submission' : 'reader';
    return as === needed && (await this.#parts.accountOf(access.user)) === account;
  }
}

const refused: Redeemed = { kind: 'refused' };
