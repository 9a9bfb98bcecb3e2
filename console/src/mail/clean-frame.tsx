// A frame with HTML that was cleaned here: it goes to the server and comes back as a document with the policy of mail, because
// one that is written by this page would have this page's.

import { useEffect, useId, useRef } from 'preact/hooks';

interface CleanFrameProps {
  readonly title: string;
  readonly class: string;
  readonly sandbox: string;
  readonly html: string;
  readonly remote: boolean;
}

export function CleanFrame({ html, remote, ...frame }: CleanFrameProps) {
  const form = useRef<HTMLFormElement>(null);
  const name = useId();
  useEffect(() => form.current?.submit(), [html, remote]);
  return (
    <>
      <form ref={form} method="post" action="/postrider/frame" target={name} hidden>
        <input type="hidden" name="html" value={html} />
        <input type="hidden" name="remote" value={remote ? '1' : ''} />
      </form>
      <iframe {...frame} name={name} referrerpolicy="no-referrer" />
    </>
  );
}
