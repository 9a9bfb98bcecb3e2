// A filter that is to be made or changed: when it holds, and what it does then.

import { FormDialog } from '../../components/dialog.tsx';
import { Check, ChoiceField, said, TextField } from '../../components/form.tsx';
import { listOf } from './list-of.ts';
import type { OwnAnswer } from './own-api.ts';

type Filter = OwnAnswer<'rules'>['filters'][number];

interface FilterDialogProps {
  /** What is changed; undefined: another one is made. */
  readonly filter: Filter | undefined;
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
const sizes = [
  ['over', 'Larger than (KiB)'],
  ['under', 'Smaller than (KiB)'],
] as const;
const marks = [
  ['markRead', 'Mark as read'],
  ['flag', 'Flag'],
  ['discard', 'Throw away'],
] as const;
const kib = 1024;

export function FilterDialog({ filter, onSave, onClose }: FilterDialogProps) {
  const submit = (given: FormData) => onSave(filterOf(given));
  const title = filter === undefined ? 'Add a filter' : 'Change the filter';
  return (
    <FormDialog
      title={title}
      submit={filter === undefined ? 'Add' : 'Save'}
      onSubmit={submit}
      onClose={onClose}
    >
      <TextField label="Name" name="name" required autoComplete="off" defaultValue={filter?.name} />
      <Conditions when={filter?.when} />
      <TextField
        label="Into the folder"
        name="folder"
        autoComplete="off"
        placeholder="Lists/Work"
        hint="It is made where it is missing."
        defaultValue={filter?.do.folder}
      />
      <TextField
        label="Send on to"
        name="forward"
        autoComplete="off"
        defaultValue={filter?.do.forward?.join(', ')}
      />
      {marks.map(([name, label]) => (
        <Check key={name} name={name} label={label} defaultChecked={filter?.do[name] ?? false} />
      ))}
      <Check name="stop" label="Ask no filter below it" defaultChecked={filter?.stop ?? false} />
    </FormDialog>
  );
}

function Conditions({ when }: { readonly when: Filter['when'] | undefined }) {
  return (
    <>
      {conditions.map(([name, label]) => (
        <TextField
          key={name}
          label={label}
          name={name}
          autoComplete="off"
          defaultValue={when?.[name]}
        />
      ))}
      <TextField
        label="Has a field called"
        name="header"
        autoComplete="off"
        placeholder="List-Id"
        defaultValue={when?.header?.name}
      />
      <TextField
        label="… that has"
        name="contains"
        autoComplete="off"
        hint="Empty for whatever is in it."
        defaultValue={when?.header?.contains}
      />
      {sizes.map(([name, label]) => (
        <TextField
          key={name}
          label={label}
          name={name}
          type="number"
          min={0}
          step="any"
          defaultValue={inKib(when?.size?.[name])}
        />
      ))}
      <ChoiceField
        label="Of these"
        name="match"
        options={matches}
        defaultValue={when?.match ?? 'all'}
      />
    </>
  );
}

const inKib = (octets: number | undefined): string | undefined =>
  octets === undefined ? undefined : String(octets / kib);

function filterOf(given: FormData): Filter {
  const asked = (name: string) => given.get(name) !== null;
  const forward = listOf(given.get('forward'));
  return {
    name: said(given, 'name'),
    when: conditionsOf(given),
    do: {
      ...(said(given, 'folder') !== '' && { folder: said(given, 'folder') }),
      ...(forward.length > 0 && { forward }),
      ...Object.fromEntries(marks.filter(([name]) => asked(name)).map(([name]) => [name, true])),
    },
    stop: asked('stop'),
  };
}

function conditionsOf(given: FormData): Filter['when'] {
  const texts = conditions.map(([name]) => [name, said(given, name)] as const);
  const size = Object.fromEntries(
    sizes
      .filter(([name]) => said(given, name) !== '')
      .map(([name]) => [name, Math.round(Number(said(given, name)) * kib)]),
  );
  const [header, contains] = [said(given, 'header'), said(given, 'contains')];
  return {
    match: said(given, 'match') === 'any' ? 'any' : 'all',
    ...Object.fromEntries(texts.filter(([, text]) => text !== '')),
    ...(header !== '' && { header: { name: header, ...(contains !== '' && { contains }) } }),
    ...(Object.keys(size).length > 0 && { size }),
  };
}
