// The story of a message, as the server tells it.

import type { AnswerOf } from '../../api.ts';

export type Story = AnswerOf<'why'>['stories'][number];
