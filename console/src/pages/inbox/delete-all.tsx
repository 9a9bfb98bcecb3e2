// Empties one inbox, or all of them: in development only.

import { useState } from 'preact/hooks';
import { call } from '../../api.ts';
import { FormDialog } from '../../components/dialog.tsx';
import { Icon } from '../../components/icon.tsx';
import { counted } from '../../format.ts';
import { navigate } from '../../router.ts';
import { attempt } from '../../toasts.ts';

interface DeleteAllProps {
  /** '' is everybody. */
  readonly address: string;
  readonly onDone: () => void;
}

export function DeleteAll({ address, onDone }: DeleteAllProps) {
  const [isAsked, setAsked] = useState(false);
  const remove = () =>
    attempt(async () => {
      const count = await call('mailDelete', address === '' ? {} : { address });
      navigate(address === '' ? '/inbox' : `/inbox?address=${encodeURIComponent(address)}`);
      onDone();
      return `${counted(count, 'message')} deleted`;
    });
  return (
    <>
      <button
        type="button"
        class="button plain icon-only"
        aria-label={address === '' ? 'Delete all mail' : `Delete all mail of ${address}`}
        title="Delete all"
        onClick={() => setAsked(true)}
      >
        <Icon name="trash" />
      </button>
      {isAsked && (
        <FormDialog
          title="Delete all mail?"
          submit="Delete"
          danger
          onSubmit={remove}
          onClose={() => setAsked(false)}
        >
          <p>
            {address === '' ? 'Every inbox is emptied.' : `The inbox of ${address} is emptied.`}
          </p>
        </FormDialog>
      )}
    </>
  );
}
