// RFC 5321 §4.4: final delivery puts one Return-Path in front, and there is no other: what a message
// brings along would be taken for ours by whoever looks for the address to send a report to.

import type { Range } from '../header/header-cut.ts';
import { fieldsNamed } from '../header/header-cut.ts';

/** Where the Return-Path fields of a header are, in order. */
export const returnPaths = (head: Uint8Array): readonly Range[] => fieldsNamed(head, 'return-path');
