// Forms: fields with their names, and a button that shows that something is under way.

import type { ComponentChildren, InputHTMLAttributes, TextareaHTMLAttributes } from 'preact';
import { useState } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
}

export function Field(props: FieldProps & { readonly children: ComponentChildren }) {
  const { label, hint, children } = props;
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: what it names is among the children.
    <label class="field">
      <span>{label}</span>
      {children}
      {hint !== undefined && <small>{hint}</small>}
    </label>
  );
}

export function TextField({ label, hint, ...input }: FieldProps & InputHTMLAttributes) {
  return (
    <Field label={label} hint={hint}>
      <input {...input} class="input" />
    </Field>
  );
}

interface PasswordFieldProps extends Partial<FieldProps> {
  readonly name?: string;
  /** So that password managers know whether to fill it in or to make one up. */
  readonly kind: 'new' | 'current';
}

export function PasswordField(props: PasswordFieldProps) {
  const { label = 'Password', name = 'password', kind, hint } = props;
  const autoComplete = `${kind}-password`;
  return <TextField {...{ label, name, autoComplete, hint }} type="password" required />;
}

export function LongTextField({ label, hint, ...input }: FieldProps & TextareaHTMLAttributes) {
  return (
    <Field label={label} hint={hint}>
      <textarea {...input} class="textarea" />
    </Field>
  );
}

interface ChoiceFieldProps extends FieldProps {
  readonly name: string;
  readonly options: readonly (readonly [value: string, text: string])[];
  readonly defaultValue?: string;
}

export function ChoiceField({ name, options, defaultValue, ...field }: ChoiceFieldProps) {
  return (
    <Field {...field}>
      <select class="select" name={name}>
        {options.map(([value, text]) => (
          <option key={value} value={value} selected={value === defaultValue}>
            {text}
          </option>
        ))}
      </select>
    </Field>
  );
}

interface CheckProps {
  readonly name: string;
  readonly label: string;
  readonly defaultChecked?: boolean;
}

export function Check({ label, ...input }: CheckProps) {
  return (
    <label class="check">
      <input type="checkbox" {...input} />
      {label}
    </label>
  );
}

/** What was written into a field, without space around it; '' where there is no such field. */
export const said = (given: FormData, name: string): string => String(given.get(name) ?? '').trim();

export interface FormProps {
  /** What the button says. */
  readonly submit: string;
  readonly danger?: boolean;
  /** Resolves when it is done with, so that nobody sends it twice. */
  readonly onSubmit: (given: FormData) => Promise<unknown>;
  /** Beside the button. */
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Form({ submit, danger = false, onSubmit, aside, children }: FormProps) {
  const [isBusy, setBusy] = useState(false);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    await onSubmit(new FormData(event.target as HTMLFormElement));
    setBusy(false);
  };
  return (
    <form class="stack" onSubmit={(event) => void send(event)}>
      {children}
      <footer class="actions">
        {aside}
        <button type="submit" class={`button ${danger ? 'danger' : 'primary'}`} disabled={isBusy}>
          {isBusy && <span class="spinner" />}
          {submit}
        </button>
      </footer>
    </form>
  );
}
