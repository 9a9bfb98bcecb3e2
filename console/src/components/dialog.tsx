// Questions that must be answered before anything else: the browser's own <dialog>, which keeps the focus inside,
// closes on Escape and gives the focus back.

import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { openDialogs } from '../toasts.ts';
import { Code } from './code.tsx';
import { Form, type FormProps } from './form.tsx';
import { Button } from './page.tsx';
import { ToastRegion } from './toasts.tsx';

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  // Closed because another takes its place, it says so when it is not there any more: nobody has asked to close that one.
  const isGone = useRef(false);
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    openDialogs.value += 1;
    return () => {
      isGone.current = true;
      openDialogs.value -= 1;
      dialog?.close();
    };
  }, []);
  return (
    <dialog ref={ref} class="box" aria-labelledby={id} onClose={() => isGone.current || onClose()}>
      <div class="body">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
      <ToastRegion isHere />
    </dialog>
  );
}

interface FormDialogProps extends DialogProps, Omit<FormProps, 'aside'> {
  /** What the button says that does nothing. */
  readonly dismiss?: string;
  /** Resolves to whether it was done: then the dialog closes. */
  readonly onSubmit: (given: FormData) => Promise<boolean>;
}

export function FormDialog({
  title,
  dismiss = 'Cancel',
  onClose,
  onSubmit,
  ...form
}: FormDialogProps) {
  const send = async (given: FormData) => {
    if (await onSubmit(given)) onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <Form {...form} onSubmit={send} aside={<Button onClick={onClose}>{dismiss}</Button>} />
    </Dialog>
  );
}

interface SecretDialogProps extends DialogProps {
  readonly secret: string;
  /** What it is, for the button that copies it. */
  readonly what: string;
}

/** Something that is shown once; `children` say what to do with it. */
export function SecretDialog({ title, secret, what, onClose, children }: SecretDialogProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <Code text={secret} what={what} wraps />
      <p class="soft">It is shown this once. {children}</p>
      <footer class="actions">
        <Button kind="primary" onClick={onClose}>
          Done
        </Button>
      </footer>
    </Dialog>
  );
}
