// A filter that is to be made: when it holds, and what it does then.

import { FormDialog } from '../../components/dialog.tsx';
import { Check, ChoiceField, said, TextField } from '../../components/form.tsx';
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
const matches = [
  ['all', 'all have to hold'],
  ['any', 'one is enough'],
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
      <TextField label="Name" name="name" required autoComplete="off" />
      {conditions.map(([name, label]) => (
        <TextField key={name} label={label} name={name} autoComplete="off" />
      ))}
      <ChoiceField label="Of these" name="match" options={matches} />
      <TextField
        label="Into the folder"
        name="folder"
        autoComplete="off"
        placeholder="Lists/Work"
        hint="It is made where it is missing."
      />
      <TextField label="Send on to" name="forward" autoComplete="off" />
      {marks.map(([name, label]) => (
        <Check key={name} name={name} label={label} />
      ))}
    </FormDialog>
  );
}

function filterOf(given: FormData): Filter {
  const asked = (name: string) => given.get(name) !== null;
  const texts = conditions.map(([name]) => [name, said(given, name)] as const);
  const forward = listOf(given.get('forward'));
  return {
    name: said(given, 'name'),
    when: {
      match: said(given, 'match') === 'any' ? 'any' : 'all',
      ...Object.fromEntries(texts.filter(([, text]) => text !== '')),
    },
    do: {
      ...(said(given, 'folder') !== '' && { folder: said(given, 'folder') }),
      ...(forward.length > 0 && { forward }),
      ...(asked('markRead') && { markRead: true }),
      ...(asked('flag') && { flag: true }),
      ...(asked('discard') && { discard: true }),
    },
    stop: asked('stop'),
  };
}
