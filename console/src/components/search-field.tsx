// A field to search in, whose text is taken when the writer pauses or presses Enter.

import { useEffect, useRef } from 'preact/hooks';
import { Icon } from './icon.tsx';

interface SearchFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onSearch: (text: string) => void;
  /** Take it while it is written, too. */
  readonly live?: boolean;
  readonly hint?: string;
}

const pauseMs = 250;

export function SearchField({ label, value, onSearch, live = true, hint }: SearchFieldProps) {
  const ref = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    // Not while somebody writes in it.
    if (ref.current !== null && document.activeElement !== ref.current) ref.current.value = value;
  }, [value]);
  const take = () => {
    clearTimeout(timer.current);
    onSearch(ref.current?.value.trim() ?? '');
  };
  return (
    <form
      class="search"
      onSubmit={(event) => {
        event.preventDefault();
        take();
      }}
    >
      <Icon name="search" size={15} />
      <input
        ref={ref}
        type="search"
        class="input"
        aria-label={label}
        placeholder={hint ?? label}
        defaultValue={value}
        autoComplete="off"
        spellcheck={false}
        onInput={() => {
          if (!live) return;
          clearTimeout(timer.current);
          timer.current = setTimeout(take, pauseMs);
        }}
      />
      <span class="key">/</span>
    </form>
  );
}
