// DKIM: whose signature a message carries. RFC 6376 §6, RFC 8301, RFC 8463, RFC 8616. Every signature is
// looked at, up to a bound; none of them can make another one worse.

import type { Resolver } from '../dns/resolver.ts';
import type { BodyHasher } from './canonical.ts';
import type { Signature, Unreadable } from './signature.ts';
import { checkSignature, readSignature } from './signature.ts';
import type { SignedMessage } from './signed-message.ts';

/** RFC 8601 §2.7.1 */
export type DkimResult =
  | 'none'
  | 'pass'
  | 'fail'
  | 'policy'
  | 'neutral'
  | 'temperror'
  | 'permerror';

export interface DkimVerdict {
  readonly result: DkimResult;
  /** `d=`, A-labels or as written, in lower case. */
  readonly domain: string | undefined;
  readonly selector: string | undefined;
  /** `i=` */
  readonly identity: string | undefined;
  readonly algorithm: string | undefined;
  /** The beginning of `b=`, by which two of one domain are told apart. RFC 6008 §4 */
  readonly signature: string | undefined;
  readonly problem?: string | undefined;
  /** The domain only tests DKIM: what fails counts as if it were not signed. RFC 6376 §3.6.1 */
  readonly isTest?: boolean | undefined;
}

/** Limit: signatures of one message that are checked; each costs a question to the DNS. RFC 6376 §8.4 */
export const signaturesMax = 10;

const tooMany = { result: 'policy', problem: 'too many ways of hashing the body' } as const;

export class DkimCheck {
  readonly #message: SignedMessage;
  readonly #signatures: readonly (
    | { readonly signature: Signature; readonly body: BodyHasher }
    | { readonly unreadable: Unreadable }
  )[];

  /** Before the body has come. */
  constructor(message: SignedMessage) {
    this.#message = message;
    this.#signatures = message.fields
      .filter(({ lowerName }) => lowerName === 'dkim-signature')
      .slice(0, signaturesMax)
      .map((field) => {
        const signature = readSignature(field, 'dkim');
        if ('problem' in signature) return { unreadable: signature };
        const body = message.wants(signature);
        return body === undefined
          ? { unreadable: { ...signature, ...tooMany } }
          : { signature, body };
      });
  }

  /** After it. One verdict for each signature, in order. */
  async verdicts(resolver: Resolver, seconds: number): Promise<readonly DkimVerdict[]> {
    const message = this.#message;
    return Promise.all(
      this.#signatures.map(async (one): Promise<DkimVerdict> => {
        if ('unreadable' in one) {
          const { result, problem, domain, selector } = one.unreadable;
          const nothing = { identity: undefined, algorithm: undefined, signature: undefined };
          return { result, problem, domain, selector, ...nothing };
        }
        const { signature, body } = one;
        const checked = await checkSignature(signature, { message, body, resolver, seconds });
        const { domain, selector, identity, algorithm } = signature;
        const start = signature.signature.toString('base64').slice(0, 8);
        return { domain, selector, identity, algorithm, signature: start, ...checked };
      }),
    );
  }
}
