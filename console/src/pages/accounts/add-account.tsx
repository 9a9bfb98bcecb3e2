// A new account.

import { call } from '../../api.ts';
import { FormDialog } from '../../components/dialog.tsx';
import { PasswordField, said, TextField } from '../../components/form.tsx';
import { attempt } from '../../toasts.ts';

interface AddAccountProps {
  readonly onDone: () => void;
  readonly onClose: () => void;
}

export function AddAccount({ onDone, onClose }: AddAccountProps) {
  const add = (given: FormData) =>
    attempt(async () => {
      const password = String(given.get('password'));
      const { address, advice } = await call('accountAdd', {
        address: said(given, 'address'),
        password,
      });
      onDone();
      return `${address} is there${advice === null ? '' : `; ${advice}`}`;
    });
  return (
    <FormDialog title="Add an account" submit="Add account" onSubmit={add} onClose={onClose}>
      <TextField label="Address" name="address" inputMode="email" required autoComplete="off" />
      <PasswordField
        kind="new"
        hint="A sentence of several words is easy to keep in mind and hard to guess."
      />
    </FormDialog>
  );
}
