// Passkeys (WebAuthn Level 3): the browser's own, in the JSON that it makes and reads itself.

import { post } from '../../api.ts';

/** @throws Error in words for whoever tried. */
export async function loginWithPasskey(): Promise<void> {
  const options = await (await post('/postrider/session/passkey/challenge', {})).json();
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  const response = await asked(() => navigator.credentials.get({ publicKey }));
  await post('/postrider/session/passkey', { response: response.toJSON() });
}

/** For whoever is logged in. @throws Error in words for whoever tried. */
export async function addPasskey(name: string): Promise<void> {
  const options = await (await post('/postrider/session/passkeys/challenge', {})).json();
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const response = await asked(() => navigator.credentials.create({ publicKey }));
  await post('/postrider/session/passkeys', { name, response: response.toJSON() });
}

async function asked(question: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    const answer = await question();
    if (answer instanceof PublicKeyCredential) return answer;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
  throw new Error('no passkey was given; try again, or use your password');
}
