// Mail addresses: RFC 5321 §4.1.2 and §4.1.3, RFC 6531 §3.3, and domains compared as one name
// whether written with U-labels or A-labels (RFC 5891).

/**
 * A mailbox. `local` is what it means, not how it was quoted: `"a b"@x` has the local part `a b`.
 * `domain` is as written (a name, possibly with U-labels, or a literal such as `[192.0.2.1]`);
 * it is '' only for `<postmaster>` without a domain (RFC 5321 §4.5.1).
 */
export interface Mailbox {
  readonly local: string;
  readonly domain: string;
}

/** null is the null reverse-path `<>`: mail that must never be answered. RFC 5321 §4.5.5. */
export type ReversePath = Mailbox | null;
