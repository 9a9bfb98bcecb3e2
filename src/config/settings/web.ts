// Settings of what is served by HTTP.

import { z } from 'zod';
import * as setting from './setting.ts';

const http = z.strictObject({
  metrics: z
    .array(setting.network({ about: '' }))
    .prefault([])
    .meta({
      about:
        'Who may read `/metrics`, beside this machine and `trustedNetworks`. What a reverse proxy on this machine hands on is refused.',
      kind: 'a list of networks',
      default: '[]',
    }),
});

export const webSettings = {
  http: http.prefault({}).meta({ about: 'What `http` listeners tell, and whom.' }),
};
