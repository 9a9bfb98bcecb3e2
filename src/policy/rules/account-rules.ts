// What the owner of an account wants done with mail that comes: filters, forwarding, an answer while they are away.
// Kept as one record for each account that has any.

export interface AccountRules {
  /** Of all mail that no filter discards. */
  readonly forward?: ForwardRule | undefined;
  readonly vacation?: VacationRule | undefined;
  /** In order: each that matches does what it says, until one says that it is the last. */
  readonly filters: readonly FilterRule[];
}

export interface ForwardRule {
  readonly to: readonly string[];
  /** Also into the own mailbox. */
  readonly keepCopy: boolean;
}

export interface VacationRule {
  /** Default: `Auto: ` and the subject of what is answered. RFC 5230 §4.3. */
  readonly subject?: string | undefined;
  readonly text: string;
  /** ISO 8601; a day alone is all of it, in UTC. Default: from now on. */
  readonly from?: string | undefined;
  /** Default: until it is taken away. */
  readonly until?: string | undefined;
  /** For how many days somebody who was answered is not answered again. */
  readonly days: number;
}

export interface FilterRule {
  readonly name: string;
  readonly when: FilterConditions;
  readonly do: FilterActions;
  /** No filter below it is asked where it matches. */
  readonly stop: boolean;
}

/** Texts are contained, in whatever case. Without any condition all mail matches. */
export interface FilterConditions {
  /** Whether `all` of them have to hold or `any`. */
  readonly match: 'all' | 'any';
  readonly from?: string | undefined;
  /** To or Cc, or the address that it came for. */
  readonly to?: string | undefined;
  readonly subject?: string | undefined;
  /** Without `contains`: there is such a field. */
  readonly header?: { readonly name: string; readonly contains?: string | undefined } | undefined;
  /** Octets. */
  readonly size?:
    | { readonly over?: number | undefined; readonly under?: number | undefined }
    | undefined;
}

export interface FilterActions {
  /** It is made where it is missing. Of several filters the first says. */
  readonly folder?: string | undefined;
  readonly flag?: boolean | undefined;
  readonly markRead?: boolean | undefined;
  readonly forward?: readonly string[] | undefined;
  /** Nothing is kept of it here. */
  readonly discard?: boolean | undefined;
}

/** Limits. */
export const filtersMax = 100;
/** Addresses that one rule names, and that one message is sent on to. */
export const forwardMax = 10;
/** RFC 5230 §4.1 has 7 as a usual period; a day is the least. */
export const vacationDays = { usual: 7, max: 365 } as const;
export const vacationTextMax = 20_000;

export const noRules: AccountRules = { filters: [] };

/** They say nothing at all. */
export const isEmpty = ({ forward, vacation, filters }: AccountRules): boolean =>
  forward === undefined && vacation === undefined && filters.length === 0;
