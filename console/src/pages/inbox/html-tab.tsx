// The HTML of a message, in a frame that runs nothing, has no origin and loads nothing from elsewhere until somebody asks.
// It comes from a path of its own, under a policy of its own; the frame's attributes and that policy each suffice.

import { useState } from 'preact/hooks';
import { Icon } from '../../components/icon.tsx';
import { Button } from '../../components/page.tsx';
import { Segments } from '../../components/segments.tsx';
import type { TabProps } from './mail-view.tsx';
import { htmlUrl } from './paths.ts';

const widths = [
  ['full', 'Full width'],
  ['phone', 'Phone'],
] as const;

export function HtmlTab({ mail: { mailbox, id, subject } }: TabProps) {
  const [remote, setRemote] = useState(false);
  const [width, setWidth] = useState<'full' | 'phone'>('full');
  return (
    <div class="html">
      <div class="row spread">
        {remote ? (
          <p class="row soft">
            <Icon name="image" size={14} />
            Remote images are shown: whoever sent it can see that you look.
          </p>
        ) : (
          <p class="row soft">
            <Icon name="shield" size={14} />
            Nothing is loaded from elsewhere.
          </p>
        )}
        <div class="actions">
          <Button small onClick={() => setRemote(!remote)}>
            {remote ? 'Hide remote images' : 'Show remote images'}
          </Button>
          <Segments label="Width" value={width} options={widths} onChange={setWidth} />
        </div>
      </div>
      <iframe
        key={String(remote)}
        class={`mail-frame ${width}`}
        title={`HTML of ${subject || 'the message'}`}
        sandbox="allow-popups allow-popups-to-escape-sandbox"
        referrerpolicy="no-referrer"
        src={htmlUrl(mailbox, id, { remote })}
      />
    </div>
  );
}
