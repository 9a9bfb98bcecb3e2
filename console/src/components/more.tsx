// The end of a list that goes on.

import type { Pages } from '../use-pages.ts';
import { Button } from './page.tsx';

export function More({ pages }: { readonly pages: Pages<unknown> }) {
  if (pages.more === undefined) return null;
  return (
    <div class="more">
      <Button onClick={pages.more} disabled={pages.isMoreComing}>
        {pages.isMoreComing && <span class="spinner" />}
        Show more
      </Button>
    </div>
  );
}
