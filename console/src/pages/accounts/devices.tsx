// The phones of an account that ask by Exchange ActiveSync: shown where there are any.

import { useState } from 'preact/hooks';
import { call } from '../../api.ts';
import { ActButton } from '../../components/act-button.tsx';
import { Badge, type Tone } from '../../components/badge.tsx';
import { FormDialog } from '../../components/dialog.tsx';
import { said, TextField } from '../../components/form.tsx';
import { Button, Panel } from '../../components/page.tsx';
import { When } from '../../components/time.tsx';
import { attempt, say } from '../../toasts.ts';
import { useAnswer } from '../../use-answer.ts';

type Device = Awaited<ReturnType<typeof devicesOf>>[number];

const devicesOf = (account: string, signal: AbortSignal) => call('deviceList', { account }, signal);

const nameOf = ({ facts, type }: Device): string => facts.FriendlyName ?? facts.Model ?? type;

export function Devices({ account }: { readonly account: string }) {
  const devices = useAnswer(`devices of ${account}`, (signal) => devicesOf(account, signal));
  const [wiped, setWiped] = useState<Device>();
  if (devices.data === undefined || devices.data.length === 0) return null;
  return (
    <Panel title="Phones" about="Those that ask by Exchange ActiveSync">
      <ul class="list">
        {devices.data.map((device) => (
          <OneDevice
            key={device.device}
            device={device}
            onDone={devices.reload}
            onWipe={() => setWiped(device)}
          />
        ))}
      </ul>
      {wiped !== undefined && (
        <WipeDialog device={wiped} onDone={devices.reload} onClose={() => setWiped(undefined)} />
      )}
    </Panel>
  );
}

const tones: Readonly<Record<Device['state'], Tone>> = {
  ...{ ready: 'good', new: 'calm', blocked: 'bad', wiping: 'wait', wiped: 'bad' },
};

interface OneDeviceProps {
  readonly device: Device;
  readonly onDone: () => void;
  readonly onWipe: () => void;
}

function OneDevice({ device, onDone, onWipe }: OneDeviceProps) {
  const { account, device: id, state, version, lastSeen } = device;
  const isBlocked = state === 'blocked' || state === 'wiped';
  const name = nameOf(device);
  return (
    <li class="wraps">
      <div class="break">
        {name} <Badge tone={tones[state]}>{state}</Badge>
        <p class="faint small">
          Version {version}, last seen <When at={lastSeen} />, calls itself {id}
        </p>
      </div>
      <div class="actions">
        <ActButton
          kind="plain"
          act={() => call('deviceBlock', { account, device: id, blocked: !isBlocked })}
          done={isBlocked ? `${name} may ask again` : `${name} is let in no more`}
          then={onDone}
          of={name}
        >
          {isBlocked ? 'Unblock' : 'Block'}
        </ActButton>
        <ActButton
          kind="plain"
          act={() => call('deviceRemove', { account, device: id })}
          done={`${name} is forgotten`}
          then={onDone}
          of={name}
        >
          Remove
        </ActButton>
        {state === 'wiping' ? (
          <ActButton
            kind="plain"
            act={() => call('deviceWipe', { account, device: id, cancel: true })}
            done={`${name} is not to be wiped`}
            then={onDone}
            of={name}
          >
            Do not wipe
          </ActButton>
        ) : (
          <Button kind="plain" small onClick={onWipe}>
            Wipe…
          </Button>
        )}
      </div>
    </li>
  );
}

interface WipeDialogProps {
  readonly device: Device;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

/** Before 16.1 a phone can only delete all that it has: then that is what is to be written. */
function WipeDialog({ device, onDone, onClose }: WipeDialogProps) {
  const { account, device: id, version } = device;
  const wholeDevice = version !== '16.1';
  const word = wholeDevice ? 'wipe the whole phone' : 'wipe';
  const wipe = async (given: FormData) => {
    if (said(given, 'word') !== word) {
      say('that is not the word', 'bad');
      return false;
    }
    return attempt(async () => {
      await call('deviceWipe', { account, device: id, wholeDevice });
      onDone();
      return `${nameOf(device)} is told to when it asks next`;
    });
  };
  return (
    <FormDialog
      title={`Wipe ${nameOf(device)}?`}
      submit="Wipe it"
      danger
      onSubmit={wipe}
      onClose={onClose}
    >
      <p>
        {wholeDevice
          ? 'It speaks a version in which a phone can only delete everything that it has: pictures, apps, all of it.'
          : `It deletes the mail of ${account}, and nothing else, when it asks next.`}
      </p>
      <TextField
        label={`Write: ${word}`}
        name="word"
        required
        autoComplete="off"
        placeholder={word}
      />
    </FormDialog>
  );
}
