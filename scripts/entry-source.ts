// The JavaScript of an entry point. Exports have to be named in the text: `export *` would load the library
// before the version of Node has been looked at, and `import()` would keep it from being required.

export const entries = [
  { name: 'index', module: 'index' },
  { name: 'client', module: 'client/index' },
  { name: 'smtp', module: 'smtp/index' },
  { name: 'testing', module: 'testing/index' },
] as const;

export async function entrySource({ module }: (typeof entries)[number]): Promise<string> {
  const exported = (await import(`../src/${module}.ts`)) as Record<string, unknown>;
  const names = Object.keys(exported).sort();
  // As the formatter has it: what fits stands on one line.
  const line = `export const { ${names.join(', ')} } = load('#postrider/${module}');`;
  const list = names.map((name) => `  ${name},`).join('\n');
  return [
    '// Printed by `node scripts/print-entry.ts`; do not edit. Where it leads: src/ in a checkout, dist/ in',
    '// the published package.',
    "import { load } from './node-version.js';",
    '',
    line.length <= 100 ? line : `export const {\n${list}\n} = load('#postrider/${module}');`,
    '',
  ].join('\n');
}
