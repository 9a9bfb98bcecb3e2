// What can be read of a configuration, setting by setting, even when others cannot; and the schema as it is
// walked for that, from a setting to the names that it knows.

import { z } from 'zod';
import type { ParsedConfig } from './config.ts';
import { schema } from './config.ts';
import type { Problem } from './problems.ts';
import { problemsOf } from './problems.ts';

export type PartlyRead = { readonly [K in keyof ParsedConfig]?: ParsedConfig[K] | undefined };

/**
 * The settings that can be read, even when others cannot: so that the rules across settings report
 * in the same run. Lists keep their positions; what cannot be read in them is undefined.
 */
export function readEachSetting(input: unknown, problems: Problem[]): PartlyRead {
  const whole = schema.safeParse(input);
  if (whole.success) return whole.data;
  problems.push(...problemsOf(whole.error, input, knownKeys));
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return {};
  const readable = new Map<string, unknown>();
  for (const [key, type] of Object.entries(schema.shape)) {
    const value: unknown = Object.getOwnPropertyDescriptor(input, key)?.value;
    const element = elementOf(type);
    if (element !== undefined && Array.isArray(value)) {
      const items = value.map((item) => element.safeParse(item));
      readable.set(
        key,
        items.map((item) => (item.success ? item.data : undefined)),
      );
      continue;
    }
    const result = type.safeParse(value);
    if (result.success) readable.set(key, result.data);
  }
  return Object.fromEntries(readable) as PartlyRead;
}

/** Defaults for what could not be read. */
export function completed(settings: PartlyRead): ParsedConfig {
  const read = Object.entries(settings).filter(([, value]) => value !== undefined);
  const readable = read.map(([key, value]) => [key, withoutHoles(value)]);
  // The machine's own name may be none.
  return { ...schema.parse({ hostname: 'localhost' }), ...Object.fromEntries(readable) };
}

const withoutHoles = (value: unknown): unknown =>
  Array.isArray(value) ? value.filter((item) => item !== undefined) : value;

/** Without defaults and the like. */
export function unwrap(type: z.core.$ZodType): z.core.$ZodType {
  let inner = type;
  while (inner instanceof z.ZodPrefault || inner instanceof z.ZodOptional)
    inner = inner.def.innerType;
  return inner;
}

function elementOf(type: z.core.$ZodType): z.ZodType | undefined {
  const inner = unwrap(type);
  return inner instanceof z.ZodArray ? (inner.element as z.ZodType) : undefined;
}

/** The names that are known at a path, for suggestions. */
function knownKeys(path: readonly PropertyKey[]): readonly string[] {
  let types: z.core.$ZodType[] = [schema];
  const branches = (type: z.core.$ZodType): z.core.$ZodType[] => {
    const inner = unwrap(type);
    return inner instanceof z.ZodUnion ? inner.options.flatMap(branches) : [inner];
  };
  for (const key of path)
    types = types.flatMap(branches).flatMap((type) => {
      if (type instanceof z.ZodArray) return [type.element];
      if (!(type instanceof z.ZodObject)) return [];
      const member = new Map(Object.entries(type.shape)).get(String(key));
      return member === undefined ? [] : [member as z.core.$ZodType];
    });
  const objects = types.flatMap(branches).filter((type) => type instanceof z.ZodObject);
  return [...new Set(objects.flatMap((type) => Object.keys(type.shape)))];
}
