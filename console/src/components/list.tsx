// A list of the server's: waited for, empty, in rows with more to come; and why there is nothing newer, above all of it.

import type { ComponentChildren } from 'preact';
import type { Pages } from '../use-pages.ts';
import { Button, Panel, type PanelHead } from './page.tsx';
import { Problem, Waiting } from './states.tsx';
import { Table, type TableProps } from './table.tsx';

interface ListProps<T> extends Omit<TableProps<T>, 'rows'> {
  readonly pages: Pages<T>;
  /** What is done while it is waited for. */
  readonly waiting: string;
  /** What is said, and what can be done, where there are none. */
  readonly empty: ComponentChildren;
  /** Of the panel. */
  readonly head?: PanelHead;
}

export function List<T>({ pages, waiting, empty, head, ...table }: ListProps<T>) {
  const { items, error, loading, reload } = pages;
  return (
    <>
      {error !== undefined && <Problem text={error} retry={reload} />}
      {loading ? (
        <Waiting what={waiting} />
      ) : items.length > 0 ? (
        <Panel {...head} bare>
          <Table {...table} rows={items} />
          <More of={pages} />
        </Panel>
      ) : (
        error === undefined && (
          <Panel {...head} bare={head !== undefined}>
            {empty}
          </Panel>
        )
      )}
    </>
  );
}

type MoreProps = Pick<Pages<unknown>, 'more' | 'isMoreComing'>;

/** The end of a list that goes on. */
export function More({ of: { more, isMoreComing } }: { readonly of: MoreProps }) {
  if (more === undefined) return null;
  return (
    <div class="more">
      <Button onClick={more} disabled={isMoreComing}>
        {isMoreComing && <span class="spinner" />}
        Show more
      </Button>
    </div>
  );
}
