// A new account.

import { call } from '../../api.ts';
import { FormDialog } from '../../components/dialog.tsx';
import { attempt } from '../../toasts.ts';

interface AddAccountProps {
  readonly onDone: () => void;
  readonly onClose: () => void;
}

export function AddAccount({ onDone, onClose }: AddAccountProps) {
  const add = (given: FormData) =>
    attempt(async () => {
      const { address, advice } = await call('accountAdd', {
        address: String(given.get('address')).trim(),
        password: String(given.get('password')),
      });
      onDone();
      return `${address} is there${advice === null ? '' : `; ${advice}`}`;
    });
  return (
    <FormDialog title="Add an account" submit="Add account" onSubmit={add} onClose={onClose}>
      <label class="field">
        <span>Address</span>
        <input
          class="input"
          name="address"
          type="text"
          inputMode="email"
          required
          autoComplete="off"
        />
      </label>
      <label class="field">
        <span>Password</span>
        <input class="input" name="password" type="password" required autoComplete="new-password" />
        <small>A sentence of several words is easy to keep in mind and hard to guess.</small>
      </label>
    </FormDialog>
  );
}
