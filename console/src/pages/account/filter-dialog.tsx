// A filter that is to be made: when it holds, and what it does then.

import { FormDialog } from '../../components/dialog.tsx';
import { listOf } from './list-of.ts';
import type { OwnAnswer } from './own-api.ts';

type Filter = OwnAnswer<'rules'>['filters'][number];

interface FilterDialogProps {
  /** Resolves to whether it was saved. */
  readonly onSave: (filter: Filter) => Promise<boolean>;
  readonly onClose: () => void;
}

const conditions = [
  ['from', 'From has'],
  ['to', 'To or Cc has'],
  ['subject', 'Subject has'],
] as const;
const marks = [
  ['markRead', 'Mark as read'],
  ['flag', 'Flag'],
  ['discard', 'Throw away'],
  ['stop', 'Ask no filter below it'],
] as const;

export function FilterDialog({ onSave, onClose }: FilterDialogProps) {
  const submit = (given: FormData) => onSave(filterOf(given));
  return (
    <FormDialog title="Add a filter" submit="Add" onSubmit={submit} onClose={onClose}>
      <label class="field">
        <span>Name</span>
        <input class="input" name="name" required autoComplete="off" />
      </label>
      {conditions.map(([name, label]) => (
        <label key={name} class="field">
          <span>{label}</span>
          <input class="input" name={name} autoComplete="off" />
        </label>
      ))}
      <label class="field">
        <span>Of these</span>
        <select class="select" name="match">
          <option value="all">all have to hold</option>
          <option value="any">one is enough</option>
        </select>
      </label>
      <label class="field">
        <span>Into the folder</span>
        <input class="input" name="folder" autoComplete="off" placeholder="Lists/Work" />
        <small>It is made where it is missing.</small>
      </label>
      <label class="field">
        <span>Send on to</span>
        <input class="input" name="forward" autoComplete="off" />
      </label>
      {marks.map(([name, label]) => (
        <label key={name} class="check">
          <input type="checkbox" name={name} />
          {label}
        </label>
      ))}
    </FormDialog>
  );
}

function filterOf(given: FormData): Filter {
  const said = (name: string) => String(given.get(name) ?? '').trim();
  const asked = (name: string) => given.get(name) !== null;
  const texts = conditions.map(([name]) => [name, said(name)] as const);
  const forward = listOf(given.get('forward'));
  return {
    name: said('name'),
    when: {
      match: said('match') === 'any' ? 'any' : 'all',
      ...Object.fromEntries(texts.filter(([, text]) => text !== '')),
    },
    do: {
      ...(said('folder') !== '' && { folder: said('folder') }),
      ...(forward.length > 0 && { forward }),
      ...(asked('markRead') && { markRead: true }),
      ...(asked('flag') && { flag: true }),
      ...(asked('discard') && { discard: true }),
    },
    stop: asked('stop'),
  };
}
