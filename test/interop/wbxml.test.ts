// Our WBXML against libwbxml's tools, both ways, and documents that others wrote.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { allTags } from '../../src/activesync/wbxml/code-pages.ts';
import { decodeWbxml } from '../../src/activesync/wbxml/decoder.ts';
import type { Element } from '../../src/activesync/wbxml/element.ts';
import { childrenOf, element, textOf } from '../../src/activesync/wbxml/element.ts';
import { encodeWbxml } from '../../src/activesync/wbxml/encoder.ts';
import { without } from './peers.ts';

const skip = without('wbxml2xml', 'xml2wbxml');

const toXml = (octets: Uint8Array): string =>
  execFileSync('wbxml2xml', ['-l', 'ACTIVESYNC', '-o', '-', '-'], { input: octets, stdio: quiet })
    .toString()
    .replace(/^[\s\S]*?<(?![?!])/, '<');
const toWbxml = (xml: string): Buffer =>
  execFileSync('xml2wbxml', ['-o', '-', '-'], { input: xml, stdio: quiet });
const quiet: ['pipe', 'pipe', 'ignore'] = ['pipe', 'pipe', 'ignore'];

const xmlHead =
  '<?xml version="1.0"?><!DOCTYPE ActiveSync PUBLIC "-//MICROSOFT//DTD ActiveSync//EN" "http://www.microsoft.com/">';

function documentOf(octets: Uint8Array): Element {
  const decoded = decodeWbxml(octets);
  assert.equal(decoded.kind, 'document', JSON.stringify(decoded));
  return decoded.root;
}

/** Versions 16.0 and 16.1 came after libwbxml, a few numbers nobody uses, and a few names it has its own words for. */
const unknownToIt =
  /^Find:|^AirSyncBase:(?:Add|Delete|ClientId|Content|Location|Annotation|Street|City|State|Country|PostalCode|Latitude|Longitude|Accuracy|Altitude|AltitudeAccuracy|LocationUri|InstanceId)$|^Email2:(?:IsDraft|Bcc|Send)$|^ComposeMail:Forwardee|^Provision:AccountOnlyRemoteWipe|^MeetingResponse:(?:Proposed|SendResponse)|^Calendar:(?:ClientUid|Att(?:achment|Name|Size|Oid|Method|Removed)|DisplayName)|^Search:(?:Stores|SubstringOp)|^ComposeMail:Type|^(?:Email:(?:Att0Id|Status)|Settings:RightsManagementInformation|RightsManagement:(?:Owner|Remove\w+))$/;

/** It spells some names otherwise than the documents do now. */
const plain = (name: string): string =>
  name
    .toLowerCase()
    .replace('telephone', 'phone')
    .replace(/(business|home|other)address/, '$1')
    .replace(/:(recurrence_|attendee_?|exception_?)(?=.)/, ':')
    .replace(/[-_]/g, '');

/** `page:tag` of everything that begins, in order. */
function namesIn(xml: string): string[] {
  const pages: string[] = [];
  return [...xml.matchAll(/<(\/?)([\w-]+)(?: xmlns="([A-Za-z0-9]+):")?(\/?)>/g)].flatMap(
    ([, end, tag, page, alone]) => {
      if (end !== '') {
        pages.pop();
        return [];
      }
      const own = page ?? pages.at(-1) ?? '';
      if (alone === '') pages.push(own);
      return [`${own}:${tag}`];
    },
  );
}

describe('WBXML of libwbxml', () => {
  it('reads each tag that both know as we write it', { skip }, () => {
    const known = allTags.filter((tag) => !unknownToIt.test(tag));
    const differing: string[] = [];
    for (const [i, name] of namesIn(
      toXml(
        encodeWbxml(
          element(
            'AirSync:Sync',
            known.map((tag) => element(tag, 'x')),
          ),
        ),
      ),
    )
      .slice(1)
      .entries())
      if (plain(name) !== plain(known[i] ?? '')) differing.push(`${known[i]} is ${name}`);
    assert.deepEqual(differing, []);
  });

  it('writes what we read', { skip }, () => {
    const xml = `${xmlHead}<Sync xmlns="AirSync:"><Collections><Collection><SyncKey>7</SyncKey><CollectionId>5</CollectionId><Options><FilterType>2</FilterType><BodyPreference xmlns="AirSyncBase:"><Type>1</Type></BodyPreference></Options></Collection></Collections></Sync>`;
    const sync = documentOf(toWbxml(xml));
    const expected = element('AirSync:Sync', [
      element('AirSync:Collections', [
        element('AirSync:Collection', [
          element('AirSync:SyncKey', '7'),
          element('AirSync:CollectionId', '5'),
          element('AirSync:Options', [
            element('AirSync:FilterType', '2'),
            element('AirSyncBase:BodyPreference', [element('AirSyncBase:Type', '1')]),
          ]),
        ]),
      ]),
    ]);
    assert.deepEqual(sync, expected);
    const back = toXml(encodeWbxml(sync));
    assert.deepEqual(namesIn(back), namesIn(xml));
    assert.match(back, /<SyncKey>7<\/SyncKey>/);
  });

  const data = '../shared/data/wbxml';
  const skipData = existsSync(data) ? skip : 'SKIPPED: no ../shared/data/wbxml';
  for (const file of globSync(join(data, 'activesync/*.xml')))
    it(`${file}: both read the same of what it writes`, { skip: skipData }, () => {
      const octets = toWbxml(readFileSync(file, 'utf8').replaceAll('AirSync.Sync', 'AirSync'));
      const root = documentOf(octets);
      assert.equal(toXml(encodeWbxml(root)), toXml(octets));
    });

  for (const file of globSync(join(data, 'horde-fixtures/*.wbxml')))
    it(`${file}: is read whole, and written again as it was`, { skip: skipData }, () => {
      const octets = readFileSync(file);
      // Most are pieces of a document.
      const root = documentOf(octets[0] === 0x03 ? octets : wrapped(octets));
      const texts = (each: Element): string[] => [textOf(each), ...childrenOf(each).flatMap(texts)];
      assert.ok(
        texts(root).some((text) => text !== ''),
        'there is text',
      );
      assert.deepEqual(documentOf(encodeWbxml(root)), root);
      assert.equal(namesIn(toXml(encodeWbxml(root))).length, texts(root).length);
    });
});

const wrapped = (octets: Buffer): Buffer =>
  Buffer.concat([Buffer.of(0x03, 0x01, 0x6a, 0x00, 0x45), octets, Buffer.of(0x01)]);
