// The one way to ask the DNS. The implementation on the network is net/resolver.ts; tests and
// simulations use dns/fake-resolver.ts.

export interface MxRecord {
  readonly preference: number;
  /** Lower-case A-labels without the final dot; '' for the root (null MX, RFC 7505). */
  readonly exchange: string;
}
export interface TlsaRecord {
  readonly usage: number;
  readonly selector: number;
  readonly matching: number;
  readonly data: Uint8Array;
}

/** RFC 2782. */
export interface SrvRecord {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  /** As MX's `exchange`; '' says that there is no such service. */
  readonly target: string;
}

export interface RecordOf {
  readonly A: string;
  readonly AAAA: string;
  readonly MX: MxRecord;
  readonly TXT: string;
  readonly PTR: string;
  readonly SRV: SrvRecord;
  readonly TLSA: TlsaRecord;
  /** The alias itself, of which nothing is followed. */
  readonly CNAME: string;
}
export type RecordType = keyof RecordOf;

/** A temporary failure throws DnsError; NXDOMAIN and "no such records" are answers. */
export type Answer<T> =
  | {
      readonly kind: 'records';
      readonly records: readonly [T, ...T[]];
      /** The name after following CNAMEs (RFC 5321 §5.1). */
      readonly name: string;
      /** AD bit from a resolver that we trust to validate (RFC 4035 §3.2.3). */
      readonly authenticated: boolean;
    }
  | { readonly kind: 'no-records'; readonly authenticated: boolean }
  | {
      readonly kind: 'no-domain';
      readonly authenticated: boolean;
      /** The name itself is there, but is an alias of one that is not. */
      readonly isAlias?: true;
    };

export interface ResolveOptions {
  /** Ask also for names that no host can have. RFC 7208 §7 makes such. */
  readonly anyName?: boolean | undefined;
  /** On whose account: a client's network, where a stranger's mail makes us ask. Without: our own. */
  readonly asker?: string | undefined;
}

export interface Resolver {
  /** @throws DnsError on timeout, SERVFAIL, REFUSED or nonsense: try again later. */
  resolve<K extends RecordType>(
    name: string,
    type: K,
    options?: ResolveOptions,
  ): Promise<Answer<RecordOf[K]>>;
}

/** The DNS gave no answer now; always temporary. Its message goes into replies that others read. */
export class DnsError extends Error {
  override readonly name = 'DnsError';
  /** The same for the operator: which server said what. */
  readonly detail: string;

  constructor(message: string, detail: string = message) {
    super(message);
    this.detail = detail;
  }
}

/** It was not asked: too many questions are under way for whoever made us ask. Says nothing of the DNS. */
export class DnsBusy extends DnsError {
  constructor() {
    super('too many questions at once');
  }
}

/** The same, on the account of a client's network. */
export const askedFor = (asker: string, resolver: Resolver): Resolver => ({
  resolve: (name, type, options) => resolver.resolve(name, type, { ...options, asker }),
});
