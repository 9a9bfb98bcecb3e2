// The keys there are.

import { Dialog } from '../components/dialog.tsx';
import { helpOpen, listKeys } from '../keys.ts';
import { pages } from '../routes.ts';

export function KeyHelp() {
  if (!helpOpen.value) return null;
  const rows = [...listKeys, ...pages.map(({ key, name }) => [`g ${key}`, name] as const)];
  return (
    <Dialog
      title="Keyboard shortcuts"
      onClose={() => {
        helpOpen.value = false;
      }}
    >
      <dl class="facts">
        {rows.map(([keys, what]) => (
          <>
            <dt>
              {keys
                .split(' ')
                .map((key) => (key === '/' && keys !== '/' ? ' / ' : <kbd key={key}>{key}</kbd>))}
            </dt>
            <dd>{what}</dd>
          </>
        ))}
      </dl>
      <footer>
        <form method="dialog">
          <button type="submit" class="button">
            Close
          </button>
        </form>
      </footer>
    </Dialog>
  );
}
