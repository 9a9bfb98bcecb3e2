// Files out of mail: always downloads, whatever they say they are, so that none is ever a page of ours.

import { percentEncode } from '../mail/fields/extended-parameter.ts';

/** RFC 6266 §4.3, RFC 8187: the name as it is, and in ASCII for those who know no other. */
export function downloadHeaders(type: string, name: string): Record<string, string> {
  const clean = name.replace(/[\x00-\x1f\x7f/\\]/g, '_').slice(0, 200);
  const plain = clean.replace(/[^\x20-\x7e]|["%]/g, '_');
  return {
    'content-type': safeTypes.test(type) ? type : 'application/octet-stream',
    'content-disposition': `attachment; filename="${plain}"; filename*=UTF-8''${percentEncode(clean)}`,
    'content-security-policy': "sandbox; default-src 'none'",
  };
}

/** What a browser runs nothing of, should it show it all the same. */
const safeTypes =
  /^(?:text\/(?:plain|csv|calendar)|image\/(?:png|jpeg|gif|webp|bmp)|application\/(?:pdf|zip|json)|audio\/[\w.+-]+|video\/[\w.+-]+|message\/rfc822)$/;
