// What a message is made of, part by part.

import { Badge } from '../../components/badge.tsx';
import { bytes } from '../../format.ts';
import type { TabProps } from './mail-view.tsx';
import { partUrl } from './paths.ts';

export function StructureTab({ mail: { mailbox, id, parts } }: TabProps) {
  return (
    <table class="table stacks plain">
      <caption class="visually-hidden">Parts</caption>
      <thead>
        <tr>
          <th scope="col">Part</th>
          <th scope="col">Type</th>
          <th scope="col">Kind</th>
          <th scope="col">Encoding</th>
          <th scope="col" class="number">
            Size
          </th>
        </tr>
      </thead>
      <tbody>
        {parts.map((part) => (
          <tr key={part.path}>
            <td class="lead">
              <a href={partUrl(mailbox, id, part.path)}>{part.path}</a>
            </td>
            <td data-label="Type" class="break">
              {part.type}
              {part.charset !== null && <span class="sub">{part.charset}</span>}
              {part.name !== null && <span class="sub">{part.name}</span>}
              {part.cid !== null && <span class="sub">cid:{part.cid}</span>}
            </td>
            <td data-label="Kind">
              <Badge>{part.kind}</Badge>
            </td>
            <td data-label="Encoding">{part.encoding}</td>
            <td data-label="Size" class="number">
              {bytes(part.size)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
