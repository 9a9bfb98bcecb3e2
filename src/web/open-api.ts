// The description of the HTTP interface, made from the table that it is made from. OpenAPI 3.1.

import { z } from 'zod';
import { topics } from '../watch/event-hub.ts';
import type { ApiOperation } from './api-operation.ts';

export function openApi(operations: readonly ApiOperation[], version: string): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Postrider',
      version,
      description:
        'Every operation of the server. What only reads is asked by GET or POST, what changes something by POST. Tokens: `postrider token create NAME`.',
    },
    servers: [{ url: '/postrider/v1' }],
    security: [{ token: [] }],
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: {
        Error: {
          type: 'object',
          required: ['error'],
          properties: { error: { type: 'string' } },
        },
      },
    },
    paths: {
      ...Object.fromEntries(operations.map((one) => [`/${one.name}`, pathOf(one)])),
      '/events': events,
    },
  };
}

const error = {
  description: 'Why not, in one line.',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
};

/** Beside the operations: what happens, as it happens (events.ts). */
const events = {
  servers: [{ url: '/postrider' }],
  get: {
    operationId: 'events',
    summary:
      'What happens, as it happens: Server-Sent Events, an object with `at` and `event` each.',
    parameters: [
      {
        ...{ name: 'topics', in: 'query', required: true, style: 'form', explode: false },
        schema: { type: 'array', minItems: 1, items: { type: 'string', enum: topics } },
      },
    ],
    responses: {
      200: {
        description:
          'Lines of `data:` until somebody hangs up; who reads too slowly is told by `events.lost`.',
        content: { 'text/event-stream': { schema: { type: 'string' } } },
      },
      ...{ 400: error, 401: error, 403: error, default: error },
      503: { ...error, headers: { 'Retry-After': { schema: { type: 'integer' } } } },
    },
  },
};

function pathOf(one: ApiOperation): object {
  const { name, about, changes } = one;
  const responses = { 200: answerOf(one), 400: error, 401: error, 403: error, default: error };
  const input = schemaOf(one.input, 'input');
  const json = { 'application/json': { schema: input } };
  const post = {
    operationId: name,
    summary: about,
    ...(one.wholeMessage === undefined
      ? { requestBody: { content: json } }
      : wholeMessageOf(input, one.wholeMessage, json)),
    responses,
  };
  if (changes) return { post };
  const get = {
    operationId: `${name}ByGet`,
    summary: about,
    parameters: parametersOf(input),
    responses,
  };
  return { get, post };
}

/** The body may be the message itself: what else there is to say then stands in the query. */
const wholeMessageOf = (input: ObjectSchema, member: string, json: object) => ({
  parameters: parametersOf(input)
    .filter(({ name }) => name !== member)
    .map((one) => ({
      ...{ ...one, required: false },
      description: 'With `Content-Type: message/rfc822`; in JSON it is a member of the body.',
    })),
  requestBody: {
    content: { ...json, 'message/rfc822': { schema: { type: 'string', format: 'binary' } } },
  },
});

function answerOf({ kind, output }: ApiOperation): object {
  if (kind === 'bytes' || output === undefined)
    return { description: 'The octets.', content: { 'application/octet-stream': {} } };
  const schema = schemaOf(output, 'output');
  return kind === 'list'
    ? json('The items, in order.', { type: 'array', items: schema })
    : json('The answer.', schema);
}

const json = (description: string, schema: object) => ({
  description,
  content: { 'application/json': { schema } },
});

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, object>>;
  readonly required?: readonly string[];
}

const parametersOf = ({ properties = {}, required = [] }: ObjectSchema) =>
  Object.entries(properties).map(([name, schema]) => ({
    ...{ name, in: 'query', schema },
    required: required.includes(name),
  }));

/** What is no schema (data that is handed on as it is kept) is anything. What has a default need not be asked for. */
function schemaOf(type: z.ZodType, io: 'input' | 'output'): ObjectSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(type, { unrepresentable: 'any', io });
  return schema as ObjectSchema;
}
