// Rows in columns. On a phone each row stands by itself, and its cells say what they are.

import type { ComponentChildren } from 'preact';
import type { Selection } from './selection.ts';

export interface Column<T> {
  readonly name: string;
  /** Before the value on a phone, where there is no room for the name. */
  readonly label?: string;
  /** `text` may break within words, `number` stands at the end of its column. */
  readonly kind?: 'text' | 'number';
  readonly class?: string;
  readonly cell: (row: T) => ComponentChildren;
}

export interface TableProps<T> {
  /** For those who do not see it. */
  readonly caption: string;
  readonly rows: readonly T[];
  /** The first says which row it is. */
  readonly columns: readonly Column<T>[];
  /** Without it rows have no identity but their place. */
  readonly keyOf?: (row: T) => string;
  /** Buttons at the end of a row. */
  readonly actions?: (row: T) => ComponentChildren;
  readonly choice?: Choice<T>;
  /** Without space at its sides. */
  readonly plain?: boolean;
}

/** Rows can be chosen. */
interface Choice<T> {
  readonly selection: Selection;
  readonly idOf: (row: T) => string;
  readonly label: (row: T) => string;
}

export function Table<T>(props: TableProps<T>) {
  const { caption, rows, columns, keyOf, actions, choice, plain = false } = props;
  return (
    <table class={plain ? 'table stacks plain' : 'table stacks'}>
      <caption class="visually-hidden">{caption}</caption>
      <thead>
        <tr>
          {choice !== undefined && <ChooseAll rows={rows} choice={choice} />}
          {columns.map(({ name, kind }) => (
            <th key={name} scope="col" class={kind === 'number' ? kind : undefined}>
              {name}
            </th>
          ))}
          {actions !== undefined && (
            <th scope="col">
              <span class="visually-hidden">Actions</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, i) => (
          <tr
            key={keyOf?.(row) ?? i}
            data-chosen={choice?.selection.has(choice.idOf(row)) === true ? true : undefined}
          >
            {choice !== undefined && <Choose row={row} choice={choice} />}
            {columns.map((column, at) => (
              <Cell key={column.name} column={column} row={row} isLead={at === 0} />
            ))}
            {actions !== undefined && (
              <td>
                <div class="actions end">{actions(row)}</div>
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface CellProps<T> {
  readonly column: Column<T>;
  readonly row: T;
  readonly isLead: boolean;
}

function Cell<T>({ column, row, isLead }: CellProps<T>) {
  const { name, label = name, kind, cell } = column;
  const classes = [isLead && 'lead', kind === 'text' ? 'break' : kind, column.class];
  return (
    <td data-label={isLead ? undefined : label} class={classes.filter(Boolean).join(' ')}>
      {cell(row)}
    </td>
  );
}

interface ChooseAllProps<T> {
  readonly rows: readonly T[];
  readonly choice: Choice<T>;
}

function ChooseAll<T>({ rows, choice: { selection, idOf } }: ChooseAllProps<T>) {
  return (
    <th scope="col" class="pick">
      <input
        type="checkbox"
        aria-label="Choose all that are shown"
        checked={selection.chosen.length === rows.length}
        onChange={() => selection.toggleAll(rows.map(idOf))}
      />
    </th>
  );
}

function Choose<T>({ row, choice }: { readonly row: T; readonly choice: Choice<T> }) {
  const { selection, idOf, label } = choice;
  return (
    <td class="pick">
      <input
        type="checkbox"
        aria-label={label(row)}
        checked={selection.has(idOf(row))}
        onChange={() => selection.toggle(idOf(row))}
      />
    </td>
  );
}

/** What a row leads to; `j` and `k` walk through them. */
export function RowLink({
  to,
  children,
}: {
  readonly to: string;
  readonly children: ComponentChildren;
}) {
  return (
    <a class="main-link" data-row href={to}>
      {children}
    </a>
  );
}
