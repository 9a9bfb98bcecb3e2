// Text to copy: commands, DNS records, sources.

import { useState } from 'preact/hooks';
import { Icon } from './icon.tsx';

export function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    } catch {
      // The browser forbids it (no TLS): the text stands there to be marked.
    }
  };
  return (
    <button
      type="button"
      class="button small icon-only"
      aria-label={isCopied ? 'Copied' : `Copy ${what}`}
      title={isCopied ? 'Copied' : 'Copy'}
      onClick={() => void copy()}
    >
      <Icon name={isCopied ? 'check' : 'copy'} size={14} />
    </button>
  );
}

interface CodeProps {
  readonly text: string;
  /** What it is, for the button's label. */
  readonly what: string;
  readonly wraps?: boolean;
}

export function Code({ text, what, wraps = false }: CodeProps) {
  return (
    <div class={`code${wraps ? ' wraps' : ''}`}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
      <section class="scroller" tabIndex={0} aria-label={what}>
        <pre>{text}</pre>
      </section>
      <CopyButton text={text} what={what} />
    </div>
  );
}
