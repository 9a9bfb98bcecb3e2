// Search for any message, whether news come in, and how it looks.

import { useEffect, useState } from 'preact/hooks';
import type { SessionFacts } from '../../../src/web/session/session.ts';
import { Icon, type IconName } from '../components/icon.tsx';
import { SearchField } from '../components/search-field.tsx';
import { isLive } from '../events.ts';
import { helpOpen } from '../keys.ts';
import { navigate, path, query } from '../router.ts';
import { chooseTheme, type Theme, theme } from '../theme.ts';
import { Drawer } from './drawer.tsx';

export function TopBar({ facts }: { readonly facts: SessionFacts }) {
  const [isOpen, setOpen] = useState(false);
  const shown = path.value;
  useEffect(() => setOpen(false), [shown]);
  return (
    <header class="top">
      <button
        type="button"
        class="button plain icon-only menu"
        aria-label="Pages"
        onClick={() => setOpen(true)}
      >
        <Icon name="menu" size={18} />
      </button>
      <SearchField
        label="Where is my mail? Address, queue id or Message-ID"
        hint="Where is my mail? Address, id or Message-ID"
        live={false}
        value={shown.startsWith('/messages') ? (query.value.get('q') ?? '') : ''}
        onSearch={(text) => {
          if (text !== '') navigate(`/messages?q=${encodeURIComponent(text)}`);
        }}
      />
      <div class="end">
        {isLive.value && <span class="live on">live</span>}
        <button
          type="button"
          class="button plain icon-only"
          aria-label="Keyboard shortcuts"
          title="Keyboard shortcuts (?)"
          onClick={() => {
            helpOpen.value = true;
          }}
        >
          <Icon name="keyboard" />
        </button>
        <ThemeButton />
      </div>
      {isOpen && <Drawer facts={facts} onClose={() => setOpen(false)} />}
    </header>
  );
}

const themes: readonly (readonly [Theme, IconName, string])[] = [
  ['system', 'screen', 'as the system'],
  ['light', 'sun', 'light'],
  ['dark', 'moon', 'dark'],
];

function ThemeButton() {
  const at = themes.findIndex(([one]) => one === theme.value);
  const [, icon, name] = themes[at]!;
  const [next, , nextName] = themes[(at + 1) % themes.length]!;
  return (
    <button
      type="button"
      class="button plain icon-only"
      aria-label={`Appearance: ${name}. Change to: ${nextName}`}
      title={`Appearance: ${name}`}
      onClick={() => chooseTheme(next)}
    >
      <Icon name={icon} />
    </button>
  );
}
