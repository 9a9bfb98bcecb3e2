// Files beside the text. They are always downloads: none is ever opened in the browser as a page.

import { Icon } from '../components/icon.tsx';
import { bytes } from '../format.ts';
import type { TabProps } from './mail.ts';
import { partUrl } from './part-urls.ts';

export function Attachments({ mail: { parts }, at }: TabProps) {
  const files = parts.filter(({ kind }) => kind === 'attachment');
  if (files.length === 0) return null;
  return (
    <ul class="attachments" aria-label="Attachments">
      {files.map(({ path, name, type, size }) => (
        <li key={path}>
          <a class="button" href={partUrl(at, path)} download>
            <Icon name="clip" size={14} />
            <bdi class="one-line" title={name ?? type}>
              {name ?? type}
            </bdi>
            <span class="faint">{bytes(size)}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}
