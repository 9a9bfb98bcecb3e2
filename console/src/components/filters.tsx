// Which part of a list is shown. It lies in the address bar, so that it can be kept and sent to others.

import type { ComponentChildren } from 'preact';
import { query, setQuery, words } from '../router.ts';
import { SearchField } from './search-field.tsx';

interface SearchProps {
  readonly label: string;
  readonly hint?: string;
}

/** What is looked for: `words` of the router. */
export const Search = (props: SearchProps) => (
  <SearchField {...props} value={words.value} onSearch={(q) => setQuery({ q })} />
);

interface FiltersProps extends SearchProps {
  /** Beside the search. */
  readonly children?: ComponentChildren;
}

export function Filters({ children, ...search }: FiltersProps) {
  return (
    <div class="filters">
      <Search {...search} />
      {children}
    </div>
  );
}

interface FilterProps {
  readonly label: string;
  /** In the query. */
  readonly name: string;
  readonly options: readonly (readonly [value: string, text: string])[];
  /** What holds while the query says nothing. */
  readonly usual?: string;
}

export function Filter({ label, name, options, usual = '' }: FilterProps) {
  return (
    <select
      class="select"
      aria-label={label}
      value={query.value.get(name) ?? usual}
      onChange={(event) => setQuery({ [name]: event.currentTarget.value })}
    >
      {options.map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  );
}
