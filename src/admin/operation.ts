// One operation: what an operator, or a program of theirs, can ask for. Its name is its key in the table
// (operations.ts); everything else is here: what goes in and comes out as schemas, who may, and the
// function. From it the control socket, the command line and an HTTP API are made.
//
// What goes in and out is plain data, ready to be JSON: dates are ISO 8601, what is absent is null.

import { z } from 'zod';
import type { OperationParts } from './operation-parts.ts';

/** The operator asked for something that cannot be; one line that says what and what to do. */
export class OperationError extends Error {
  override readonly name = 'OperationError';
}

interface Described<In> {
  readonly about: string;
  readonly input: z.ZodType<In>;
  /** Who may only look may not ask for one that changes something. */
  readonly changes: boolean;
  /** Rights (`allows`) or another's password: who may not do everything would give themselves more by it. */
  readonly empowers?: boolean;
}

/** Gives one value. */
export interface ValueOperation<In, Out> extends Described<In> {
  readonly kind: 'value';
  readonly output: z.ZodType<Out>;
  readonly run: (parts: OperationParts, input: In) => Promise<Out>;
}

/** Gives a list, as slowly as it is read: it is never in memory as a whole. */
export interface ListOperation<In, Out> extends Described<In> {
  readonly kind: 'list';
  /** Of each item. */
  readonly output: z.ZodType<Out>;
  readonly run: (parts: OperationParts, input: In) => AsyncIterable<Out>;
}

/** Gives octets, piece by piece. */
export interface BytesOperation<In> extends Described<In> {
  readonly kind: 'bytes';
  readonly run: (parts: OperationParts, input: In) => AsyncIterable<Uint8Array>;
}

/** Any of them. */
export type Operation = Described<unknown> &
  (
    | {
        readonly kind: 'value';
        readonly output: z.ZodType;
        readonly run: (parts: OperationParts, input: never) => Promise<unknown>;
      }
    | {
        readonly kind: 'list';
        readonly output: z.ZodType;
        readonly run: (parts: OperationParts, input: never) => AsyncIterable<unknown>;
      }
    | {
        readonly kind: 'bytes';
        readonly run: (parts: OperationParts, input: never) => AsyncIterable<Uint8Array>;
      }
  );

// These only let the types of the schemas find the functions.

export const value = <In, Out>(
  one: Omit<ValueOperation<In, Out>, 'kind'>,
): ValueOperation<In, Out> => ({ kind: 'value', ...one });

export const list = <In, Out>(
  one: Omit<ListOperation<In, Out>, 'kind'>,
): ListOperation<In, Out> => ({ kind: 'list', ...one });

export const bytes = <In>(one: Omit<BytesOperation<In>, 'kind'>): BytesOperation<In> => ({
  kind: 'bytes',
  ...one,
});

type Nothing = Readonly<Record<string, never>>;
type Ask<In, Out> = In extends Nothing ? (input?: In) => Out : (input: In) => Out;

/** How one is called, whether it is done here or by a server that is asked to. */
export type Called<One> =
  One extends ValueOperation<infer In, infer Out>
    ? Ask<In, Promise<Out>>
    : One extends ListOperation<infer In, infer Out>
      ? Ask<In, AsyncIterable<Out>>
      : One extends BytesOperation<infer In>
        ? Ask<In, AsyncIterable<Uint8Array>>
        : never;

export const nothing = z.strictObject({});
/** Of an operation that only does something. */
export const done = z.null();
export const text = z.string();
export const texts = z.array(z.string()).readonly();
export const count = z.int();
/** Data whose type is declared where it is kept; it is handed on as it is. */
export const asKept = <T extends object>() =>
  z.custom<T>((given) => typeof given === 'object' && given !== null);

/** @throws OperationError that says what is wrong with it. */
export function checkedInput(schema: z.ZodType, given: unknown): unknown {
  const input = schema.safeParse(typeof given === 'object' && given !== null ? given : {});
  if (input.success) return input.data;
  const [issue] = input.error.issues;
  if (issue?.code === 'unrecognized_keys')
    throw new OperationError(`the request has an unknown ${issue.keys[0]}`);
  const path = issue?.path.join('.') ?? '';
  const isThere = issue?.path.length !== 0 && Object.hasOwn(Object(given), issue?.path[0] ?? '');
  throw new OperationError(
    isThere ? `${path} is not right: ${issue?.message}` : `the request lacks ${path}`,
  );
}
