// The tags that messages of the list have; one narrows the search to its own.

import { setQuery, words } from '../../router.ts';

export function TagFilter({ tags }: { readonly tags: Readonly<Record<string, number>> }) {
  const list = Object.entries(tags);
  if (list.length === 0) return null;
  return (
    <fieldset class="tag-filter">
      <legend class="visually-hidden">Tags</legend>
      {list.map(([tag, count]) => {
        const word = /\s/.test(tag) ? `tag:"${tag}"` : `tag:${tag}`;
        const isOn = words.value.includes(word);
        const rest = words.value.replace(word, '').replace(/\s+/g, ' ').trim();
        return (
          <button
            key={tag}
            type="button"
            class={`badge ${isOn ? 'accent' : ''}`}
            aria-pressed={isOn}
            onClick={() => setQuery({ q: isOn ? rest : `${words.value} ${word}`.trim() })}
          >
            {tag} <span class="faint">{count}</span>
          </button>
        );
      })}
    </fieldset>
  );
}
