// Printed by `node scripts/print-entry.ts`; do not edit. Where it leads: src/ in a checkout, dist/ in
// the published package.
import { load } from './node-version.js';

export const { ClientError, createClient } = load('#postrider/client/index');
