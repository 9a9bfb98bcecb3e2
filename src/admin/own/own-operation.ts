// What the owner of an account can ask for, about their own account alone. Whose it is comes with the session and never
// with what is asked: no input here has a name for an account.

import type { z } from 'zod';
import type { OperationParts } from '../operation-parts.ts';

export interface OwnParts extends OperationParts {
  /** The account that asks, by its primary address; the parts know no other. */
  readonly account: string;
  /** Whether it is the account's password, counted as logins are. @throws OperationError with why not. */
  readonly prove: (password: string) => Promise<void>;
}

export interface OwnOperation<In, Out> {
  readonly about: string;
  readonly changes: boolean;
  readonly input: z.ZodType<In>;
  readonly output: z.ZodType<Out>;
  /** Limit: octets of what is asked, where it is more than usual. */
  readonly bodyMax?: number;
  readonly run: (parts: OwnParts, input: In) => Promise<Out>;
}

/** Any of them. */
export type AnyOwnOperation = Omit<OwnOperation<unknown, unknown>, 'run'> & {
  readonly run: (parts: OwnParts, input: never) => Promise<unknown>;
};

/** This only lets the types of the schemas find the function. */
export const own = <In, Out>(one: OwnOperation<In, Out>): OwnOperation<In, Out> => one;

/** The same parts for one account: nobody else's mail can be found by them, whatever is asked. */
export const onlyFor = (parts: OperationParts, account: string): OperationParts => ({
  ...parts,
  accountOf: async (address) => (address === account ? account : undefined),
  dev: () => false,
});
