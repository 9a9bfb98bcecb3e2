// The HTML of a message, in a frame that runs nothing, has no origin and loads nothing from elsewhere until somebody asks.
// The frame's attributes, the policy that its document comes with, and DOMPurify each suffice.

import { useState } from 'preact/hooks';
import { ask } from '../api.ts';
import { Icon } from '../components/icon.tsx';
import { Button } from '../components/page.tsx';
import { Segments } from '../components/segments.tsx';
import { Problem, Waiting } from '../components/states.tsx';
import { useAnswer } from '../use-answer.ts';
import { CleanFrame } from './clean-frame.tsx';
import { type CleanHtml, cleanHtml } from './clean-html.ts';
import type { TabProps } from './mail.ts';
import { htmlUrl } from './part-urls.ts';

/**
 * Limit: characters that are cleaned, while which the page does nothing else (and the browser notes in its console each
 * `style` that the page itself would not allow). What is longer has the frame and its policy.
 */
const cleanedMax = 256 * 2 ** 10;

const widths = [
  ['full', 'Full width'],
  ['phone', 'Phone'],
] as const;
type Width = (typeof widths)[number][0];

export function HtmlTab({ mail: { subject }, at }: TabProps) {
  const [remote, setRemote] = useState(false);
  const [width, setWidth] = useState<Width>('full');
  const url = htmlUrl(at, { remote });
  const { data, error, reload } = useAnswer(url, async (signal) => {
    const html = await (await ask(url, { signal })).text();
    return html.length > cleanedMax ? 'long' : cleanHtml(html);
  });
  const frame = {
    title: `HTML of ${subject || 'the message'}`,
    class: `mail-frame ${width}`,
  };
  return (
    <div class="html">
      <div class="row spread">
        <p class="row soft">
          <Icon name={remote ? 'image' : 'shield'} size={14} />
          {remote
            ? 'Remote images are shown: whoever sent it can see that you look.'
            : 'Nothing is loaded from elsewhere.'}
        </p>
        <div class="actions">
          <Button small onClick={() => setRemote(!remote)}>
            {remote ? 'Hide remote images' : 'Show remote images'}
          </Button>
          <Segments label="Width" value={width} options={widths} onChange={setWidth} />
        </div>
      </div>
      {typeof data === 'object' && <Removed of={data} />}
      {error !== undefined && <Problem text={error} retry={reload} />}
      {data === undefined && error === undefined && <Waiting what="Opening the HTML" />}
      {data === 'long' && (
        <iframe key={url} {...frame} sandbox={sandbox} referrerpolicy="no-referrer" src={url} />
      )}
      {typeof data === 'object' && (
        <CleanFrame key={url} {...frame} sandbox={sandbox} html={data.html} remote={remote} />
      )}
    </div>
  );
}

/** Links open elsewhere; nothing runs, and it has no origin. */
const sandbox = 'allow-popups allow-popups-to-escape-sandbox';

function Removed({ of: { removed } }: { readonly of: CleanHtml }) {
  if (removed.size === 0) return null;
  const list = [...removed].map(([name, count]) => (count === 1 ? name : `${name} (${count})`));
  return (
    <p class="row faint small">
      <Icon name="info" size={14} />
      Taken out, as mail programs do: {list.join(', ')}
    </p>
  );
}
