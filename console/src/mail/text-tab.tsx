// The text of a message, as it is read without HTML; addresses on the web are links.

import type { TabProps } from './mail.ts';

/** Limit: characters that are shown; the source has the rest. */
const shownMax = 500_000;
const link = /(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]])/g;

export function TextTab({ mail: { text } }: TabProps) {
  if (text.trim() === '') return <p class="faint">It has no text.</p>;
  const shown = text.slice(0, shownMax);
  return (
    <>
      <div class="mail-text">
        {shown.split(link).map((piece, i) =>
          i % 2 === 1 ? (
            <a key={i} href={piece} target="_blank" rel="noopener noreferrer">
              {piece}
            </a>
          ) : (
            piece
          ),
        )}
      </div>
      {text.length > shownMax && (
        <p class="faint">There is more of it than is shown here: download the source.</p>
      )}
    </>
  );
}
