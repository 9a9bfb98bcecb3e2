// What a message is made of, part by part.

import { Badge } from '../components/badge.tsx';
import { type Column, Table } from '../components/table.tsx';
import { bytes } from '../format.ts';
import type { Mail, TabProps } from './mail.ts';
import { partUrl } from './part-urls.ts';

export function StructureTab({ mail: { parts }, at }: TabProps) {
  return (
    <Table caption="Parts" rows={parts} columns={columnsFor(at)} keyOf={({ path }) => path} plain />
  );
}

const columnsFor = (at: string): readonly Column<Mail['parts'][number]>[] => [
  { name: 'Part', cell: ({ path }) => <a href={partUrl(at, path)}>{path}</a> },
  {
    name: 'Type',
    kind: 'text',
    cell: ({ type, charset, name, cid }) => (
      <>
        {type}
        {charset !== null && <span class="sub">{charset}</span>}
        {name !== null && <span class="sub">{name}</span>}
        {cid !== null && <span class="sub">cid:{cid}</span>}
      </>
    ),
  },
  { name: 'Kind', cell: ({ kind }) => <Badge>{kind}</Badge> },
  { name: 'Encoding', cell: ({ encoding }) => encoding },
  { name: 'Size', kind: 'number', cell: ({ size }) => bytes(size) },
];
