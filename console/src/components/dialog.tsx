// Questions that must be answered before anything else: the browser's own <dialog>, which keeps the focus inside,
// closes on Escape and gives the focus back.

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={ref} class="box" aria-labelledby={id} onClose={onClose}>
      <div class="body">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

interface FormDialogProps extends DialogProps {
  /** What the button says. */
  readonly submit: string;
  readonly danger?: boolean;
  /** Resolves to whether it was done: then the dialog closes. */
  readonly onSubmit: (given: FormData) => Promise<boolean>;
}

/** With a form, and a button that shows that something is under way. */
export function FormDialog(props: FormDialogProps) {
  const { title, onClose, submit, danger = false, onSubmit, children } = props;
  const [isBusy, setBusy] = useState(false);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    const isDone = await onSubmit(new FormData(event.target as HTMLFormElement));
    setBusy(false);
    if (isDone) onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="stack" onSubmit={(event) => void send(event)}>
        {children}
        <footer>
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class={`button ${danger ? 'danger' : 'primary'}`} disabled={isBusy}>
            {isBusy && <span class="spinner" />}
            {submit}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
