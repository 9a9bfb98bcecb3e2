// EML and mbox files that are dropped on the list, or chosen: sent to the server piece by piece, cut between messages, so
// that a file of a gigabyte is never in memory as a whole; and how far that is.

import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { ask } from '../../api.ts';
import { Icon } from '../../components/icon.tsx';
import { bytes, counted } from '../../format.ts';
import { attempt } from '../../toasts.ts';
import { pieces } from './mbox-pieces.ts';

interface ImportMailProps {
  /** Whose inbox; '' is everybody's in To, Cc and Bcc. */
  readonly address: string;
  readonly onDone: () => void;
  readonly children: ComponentChildren;
}

interface Progress {
  readonly sent: number;
  readonly size: number;
}

export function ImportMail({ address, onDone, children }: ImportMailProps) {
  const [progress, setProgress] = useState<Progress>();
  const [isOver, setOver] = useState(false);
  const stop = useRef<AbortController>(undefined);
  const take = async (files: readonly File[]) => {
    if (files.length === 0 || stop.current !== undefined) return;
    stop.current = new AbortController();
    await attempt(() => importFiles(files, address, { signal: stop.current!.signal, setProgress }));
    stop.current = undefined;
    setProgress(undefined);
    onDone();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button in it does the same without a mouse.
    <div
      class="drop"
      data-over={isOver}
      onDragOver={(event) => {
        if (event.dataTransfer?.types.includes('Files') !== true) return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
      }}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void take([...(event.dataTransfer?.files ?? [])]);
      }}
    >
      {children}
      {isOver && (
        <p class="drop-here">
          <Icon name="in" /> Drop EML or mbox files to put them{' '}
          {address === '' ? 'into their inboxes' : `into ${address}`}
        </p>
      )}
      {progress !== undefined && (
        <div class="importing" role="status">
          <progress aria-label="Import" value={progress.sent} max={progress.size || 1} />
          <span class="row spread small">
            {bytes(progress.sent)} of {bytes(progress.size)}
            <button type="button" class="button small plain" onClick={() => stop.current?.abort()}>
              Stop
            </button>
          </span>
        </div>
      )}
      <ChooseFiles onChosen={(files) => void take(files)} disabled={progress !== undefined} />
    </div>
  );
}

interface ChooseFilesProps {
  readonly onChosen: (files: readonly File[]) => void;
  readonly disabled: boolean;
}

function ChooseFiles({ onChosen, disabled }: ChooseFilesProps) {
  return (
    <label class="button small plain import">
      <Icon name="in" size={14} />
      Import EML or mbox
      <input
        type="file"
        class="visually-hidden"
        multiple
        accept=".eml,.mbox,.mbx,message/rfc822,application/mbox"
        disabled={disabled}
        onChange={({ currentTarget }) => {
          onChosen([...(currentTarget.files ?? [])]);
          currentTarget.value = '';
        }}
      />
    </label>
  );
}

interface Watching {
  readonly signal: AbortSignal;
  readonly setProgress: (progress: Progress) => void;
}

/** Gives what to say of it. @throws ApiError */
async function importFiles(
  files: readonly File[],
  address: string,
  { signal, setProgress }: Watching,
): Promise<string> {
  const size = files.reduce((sum, file) => sum + file.size, 0);
  const whose = address === '' ? '' : `?address=${encodeURIComponent(address)}`;
  let sent = 0;
  let imported = 0;
  setProgress({ sent, size });
  for (const file of files)
    for await (const body of pieces(file)) {
      if (signal.aborted) return `Stopped: ${counted(imported, 'message')} imported`;
      const answer = await ask(`/postrider/v1/mailImport${whose}`, {
        method: 'POST',
        headers: { 'content-type': 'message/rfc822' },
        body,
      });
      imported += ((await answer.json()) as { readonly imported: number }).imported;
      sent += body.byteLength;
      setProgress({ sent, size });
    }
  return `${counted(imported, 'message')} imported`;
}
