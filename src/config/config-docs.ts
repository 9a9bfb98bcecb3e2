// docs/config.md, printed from the schema: what the documentation says is what the program does.

import { z } from 'zod';
import { schema } from './config.ts';
import { unwrap } from './partly-read.ts';
import type { SettingFacts } from './settings/setting.ts';

interface Facts extends Partial<SettingFacts> {
  readonly kind?: string;
  readonly bounds?: string;
}

const example = [
  '```ts',
  "import { defineConfig } from 'postrider';",
  '',
  'export default defineConfig({',
  "  hostname: 'mx.example.org',",
  "  domains: ['example.org'],",
  '  listeners: [',
  "    { service: 'smtp', port: 25 },",
  "    { service: 'submission', port: 587 },",
  "    { service: 'submission', port: 465, tls: 'implicit' },",
  '  ],',
  "  tls: { certificate: 'fullchain.pem', privateKey: 'privkey.pem' },",
  '});',
  '```',
].join('\n');

const introduction = `# Configuration

<!-- Printed from src/config/settings/ by \`node scripts/print-config-docs.ts\`; do not edit. -->

The file is \`postrider.config.ts\`, \`.js\` or \`.json\` in the working directory, or what \`--config\`
names. It is an object; in TypeScript:

${example}

Durations are \`'30s'\`, \`'5m'\`, \`'4h'\`, \`'5d'\`; sizes are bytes or \`'50MiB'\`. Relative paths are
relative to the file. A name that is not on this page is an error. \`postrider check\` reports every
problem at once; \`postrider reload\` (or SIGHUP) reads the file again, and when it is wrong says so and
goes on with what it had. \`postrider\` can be imported in the file wherever it lies.
`;

export function configDocs(): string {
  const sections: string[] = [introduction];
  const later: [title: string, type: z.core.$ZodType, about: string][] = [];
  sections.push('## Settings\n', table(Object.entries(schema.shape)));
  for (const [name, type] of Object.entries(schema.shape)) {
    if (objectsIn(type).length > 0) later.push([name, type, factsOf(type).about ?? '']);
  }
  for (const [name, type, about] of later) {
    sections.push(`## \`${name}\`\n\n${about}\n`);
    for (const object of objectsIn(type)) sections.push(...tablesOf(object, name));
  }
  return `${sections.join('\n').trimEnd()}\n`;
}

/** Of one object; then those of the objects in it. */
function tablesOf(object: z.ZodObject, path: string): string[] {
  const kind = object.shape.kind;
  const title = kind instanceof z.ZodLiteral ? [`### \`kind: '${[...kind.values][0]}'\`\n`] : [];
  const entries = Object.entries(object.shape).filter(([, type]) => documented(type));
  if (entries.length === 0) return title;
  const inner = entries.filter(([, type]) => isSection(type as z.core.$ZodType));
  return [
    ...title,
    table(entries, `${path}.`),
    ...inner.flatMap(([name, type]) => [
      `### \`${path}.${name}\`\n`,
      ...objectsIn(type as z.core.$ZodType).flatMap((each) => tablesOf(each, `${path}.${name}`)),
    ]),
  ];
}

/** Its settings have a table of their own. */
const isSection = (type: z.core.$ZodType): boolean =>
  factsOf(type).kind === undefined && objectsIn(type).length > 0;

const documented = (type: unknown): boolean => factsOf(type as z.core.$ZodType).about !== undefined;

/** The objects a setting is made of: itself, the members of its list, the branches of its union. */
function objectsIn(type: z.core.$ZodType): z.ZodObject[] {
  const inner = unwrap(type);
  if (inner instanceof z.ZodArray) return objectsIn(inner.element);
  if (inner instanceof z.ZodUnion) return inner.options.flatMap(objectsIn).filter(isPublic);
  return inner instanceof z.ZodObject ? [inner] : [];
}

/** A branch that this version has nothing to say about. */
const isPublic = ({ shape }: z.ZodObject): boolean =>
  Object.entries(shape).some(([key, type]) => key === 'kind' || documented(type));

/** What is said of a type, of its wrappers first. */
function factsOf(type: z.core.$ZodType): Facts {
  const own = (z.globalRegistry.get(type) ?? {}) as Facts;
  if (type instanceof z.ZodPrefault || type instanceof z.ZodOptional)
    return { ...factsOf(type.def.innerType), ...own };
  return own;
}

function table(entries: readonly (readonly [string, z.core.$ZodType])[], path = ''): string {
  const rows = entries.map(([name, type]) => {
    const { about = '', kind, bounds, default: value } = factsOf(type);
    const anchor = `${path}${name}`.replaceAll('.', '').toLowerCase();
    const what = isSection(type) ? `see [${name}](#${anchor})` : (kind ?? '');
    const range = bounds === undefined ? what : `${what}; ${bounds}`;
    return `| \`${name}\` | ${cell(range)} | ${value === undefined ? '' : code(value)} | ${cell(about)} |`;
  });
  return ['| name | value | default | what |', '| --- | --- | --- | --- |', ...rows, ''].join('\n');
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
const code = (value: string): string => (value.includes(' own ') ? value : `\`${value}\``);
