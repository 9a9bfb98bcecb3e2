// What the owner of an account asks of the server: the operations of their own part, typed by their table.

import type { OwnOperation } from '../../../../src/admin/own/own-operation.ts';
import type { ownOperations } from '../../../../src/admin/own/own-operations.ts';
import { post } from '../../api.ts';

type Table = typeof ownOperations;
export type OwnName = keyof Table;
type InputOf<N extends OwnName> = Table[N] extends OwnOperation<infer In, unknown> ? In : never;
export type OwnAnswer<N extends OwnName> = Awaited<ReturnType<Table[N]['run']>>;

/** @throws ApiError */
export async function own<N extends OwnName>(
  name: N,
  input: InputOf<N>,
  signal?: AbortSignal,
): Promise<OwnAnswer<N>> {
  const response = await post(`/postrider/account/v1/${name}`, input, signal);
  return (await response.json()) as OwnAnswer<N>;
}
