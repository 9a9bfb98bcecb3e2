// What is known of one thing, name by name.

import type { ComponentChildren } from 'preact';

/** False where there is nothing to say. */
export type Fact = readonly [name: string, value: ComponentChildren] | false;

export function Facts({ of }: { readonly of: readonly Fact[] }) {
  return (
    <dl class="facts">
      {of.map(
        (fact) =>
          fact !== false && (
            <>
              <dt>{fact[0]}</dt>
              <dd>{fact[1]}</dd>
            </>
          ),
      )}
    </dl>
  );
}
