// The little Markdown that the server’s words have, and notes about mail clients: code and links. Everything else stays text.

const piece = /(`[^`]+`|\[[^\]]+\]\(https?:[^)\s]+\))/;

export function Markdown({ text }: { readonly text: string }) {
  return (
    <>
      {text.split(piece).map((each, i) => {
        const [, words, url] = /^\[([^\]]+)\]\(([^)]+)\)$/.exec(each) ?? [];
        if (url !== undefined)
          return (
            <a key={i} href={url} target="_blank" rel="noopener noreferrer">
              {words}
            </a>
          );
        return /^`.+`$/.test(each) ? <code key={i}>{each.slice(1, -1)}</code> : each;
      })}
    </>
  );
}
