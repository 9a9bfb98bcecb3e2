// What the labels of charsets mean: the names and aliases that IANA registered, those of the Encoding
// Standard, numbers of code pages, and what else stands in mail. Case, punctuation and the prefixes
// `x-` and `cs` do not count: `ISO_8859-1:1987`, `x-sjis` and `csISO2022JP` are all found.

export interface CharsetName {
  /** As the reader knows it. */
  readonly name: string;
  /**
   * Who reads it. 'guess': a label that says nothing, US-ASCII among them, since what has octets above
   * 7F is none. 'western': Latin-1 and Windows-1252. '7bit': escape or shift sequences of ASCII.
   */
  readonly by: 'guess' | 'western' | 'utf-8' | 'node' | 'iconv' | '7bit';
  /** Whether octets of ASCII may mean something else. */
  readonly asciiDiffers: boolean;
}

const named = (by: CharsetName['by'], name: string, asciiDiffers = false): CharsetName => ({
  by,
  name,
  asciiDiffers,
});

const guess = named('guess', '');
const utf8 = named('utf-8', 'utf-8');
const western = named('western', 'windows-1252');
const windows1254 = named('node', 'windows-1254');
const thai = named('node', 'windows-874');
const greek = named('node', 'iso-8859-7');
const hebrew = named('node', 'iso-8859-8');
const turkish = windows1254;
const shiftJis = named('node', 'shift_jis');
const eucJp = named('node', 'euc-jp');
const iso2022Jp = named('7bit', 'iso-2022-jp', true);
// Node's euc-kr is KS X 1001 alone: most of Hangul, which Windows' code page adds, is missing there.
const korean = named('iconv', 'cp949');
const gb18030 = named('node', 'gb18030');
const gbk = named('node', 'gbk');
// Node's big5 has private characters where Hong Kong's are.
const big5 = named('iconv', 'big5hkscs');
const utf7 = named('7bit', 'utf-7', true);
// RFC 2781 §4.3: a byte order mark tells; iconv-lite looks for one, and guesses where there is none.
const utf16 = named('iconv', 'utf-16', true);
const utf32 = named('iconv', 'utf-32', true);
const macRoman = named('node', 'macintosh');
const macCyrillic = named('node', 'x-mac-cyrillic');

/** By their labels in lower case, letters and digits alone. */
const labels = new Map<string, CharsetName>(
  (
    [
      [guess, 'ascii usascii ansix341968 ansix341986 isoir6 iso646us iso646irv iso646irv1991 us'],
      [guess, '646 7bit 8bit default unknown unknown8bit unknown7bit none'],
      [utf8, 'utf8 utf utf8n utf8mb4 utf8mb3 unicode11utf8 unicode20utf8 utf8mac utf8bom'],
      [western, 'latin1 l1 isolatin1 winlatin1'],
      [named('node', 'iso-8859-2'), 'latin2 l2 isolatin2'],
      [named('node', 'iso-8859-3'), 'latin3 l3 isolatin3'],
      [named('node', 'iso-8859-4'), 'latin4 l4 isolatin4'],
      [named('node', 'iso-8859-5'), 'cyrillic isolatincyrillic'],
      [named('node', 'iso-8859-6'), 'arabic isolatinarabic ecma114 asmo708 asmo449'],
      [greek, 'greek greek8 isolatingreek ecma118 elot928 suneugreek'],
      [hebrew, 'hebrew isolatinhebrew visual'],
      [named('node', 'iso-8859-8-i'), 'logical'],
      [turkish, 'latin5 l5 isolatin5 turkish'],
      [named('node', 'iso-8859-10'), 'latin6 l6 isolatin6'],
      [named('node', 'iso-8859-13'), 'latin7 l7'],
      [named('node', 'iso-8859-14'), 'latin8 l8 isoceltic celtic'],
      [named('node', 'iso-8859-15'), 'latin9 l9 latin0 isolatin9'],
      [named('node', 'iso-8859-16'), 'latin10 l10'],
      [thai, 'tis620 tis62025291 tis62025330 tis6200 tis thai thai8'],
      [named('node', 'koi8-r'), 'koi8r koi koi8'],
      [named('node', 'koi8-u'), 'koi8u koi8ru'],
      [named('node', 'ibm866'), 'dosrussian'],
      [shiftJis, 'shiftjis sjis mskanji ms31j windows31j sjiswin mssjis jis8'],
      [eucJp, 'eucjp ujis eucjpms eucjpwin extendedunixcodepackedformatforjapanese'],
      [eucJp, 'eucpkdfmtjapanese'],
      [iso2022Jp, 'jis jis7 junet jisencoding iso2022 iso2022kanji'],
      [korean, 'euckr uhc korean ksc5601 ksc56011987 ksc56011989 ksc56011992 ksx1001'],
      [korean, 'isoir149 wansung'],
      [named('7bit', 'hz', true), 'hz hzgb hzgb2312'],
      [gbk, 'gb2312 gb231280 gb23121980 gb iso58gb231280 isoir58 chinese euccn eucgb2312cn gbk'],
      [gbk, 'gb1300093 euccnwin simplifiedchinese'],
      [gb18030, 'gb18030 gb180302000 gb180302005 gb180302022'],
      [big5, 'big5 big5hkscs big5hk hkscs big5hkscs1999 big5hkscs2001 big5hkscs2004 cnbig5'],
      [big5, 'big5eten big5e big5plus xxbig5 big52003 cnbig5hkscs'],
      [utf7, 'utf7 unicode11utf7 unicode20utf7'],
      [utf16, 'utf16 ucs2 iso10646ucs2 iso10646 unicode unicode11'],
      [named('node', 'utf-16le', true), 'utf16le ucs2le unicodefeff unicodelittle'],
      [named('node', 'utf-16be', true), 'utf16be ucs2be unicodefffe unicodebig'],
      [utf32, 'utf32 ucs4 iso10646ucs4'],
      [named('iconv', 'utf-32le', true), 'utf32le ucs4le'],
      [named('iconv', 'utf-32be', true), 'utf32be ucs4be'],
      [macRoman, 'macroman mac macintosh'],
      [macCyrillic, 'maccyrillic macukrainian macukraine'],
      [named('iconv', 'maccenteuro'), 'macce maccentraleurope maccentraleurroman maclatin2'],
      [named('iconv', 'cp437'), 'pc8codepage437'],
      [named('iconv', 'cp775'), 'pc775baltic'],
      [named('iconv', 'cp850'), 'pc850multilingual'],
      [named('iconv', 'cp852'), 'pcp852'],
      [named('iconv', 'cp862'), 'pc862latinhebrew'],
      [named('iconv', 'viscii', true), 'viscii viscii11 viscii111'],
      [named('iconv', 'tcvn', true), 'tcvn tcvn5712 tcvn57121 tcvn571211993 vscii'],
      [named('iconv', 'rk1048'), 'kz1048 strk10482002'],
      [named('iconv', 'pt154'), 'ptcp154 cp154 cyrillicasian'],
      [named('iconv', 'hproman8'), 'roman8 r8'],
    ] as const
  ).flatMap(([charset, names]) => names.split(' ').map((name) => [name, charset] as const)),
);

/** Code pages whose readers are called otherwise; IANA and others write `cp`, `ibm`, `windows-` … */
const codePages = new Map<number, CharsetName>([
  ...([932, 943, 31_932].map((number) => [number, shiftJis]) as [number, CharsetName][]),
  ...([936, 1386, 20_936, 51_936].map((number) => [number, gbk]) as [number, CharsetName][]),
  ...([949, 970, 1363, 51_949].map((number) => [number, korean]) as [number, CharsetName][]),
  ...([950, 951, 1370].map((number) => [number, big5]) as [number, CharsetName][]),
  ...([50_220, 50_221, 50_222].map((number) => [number, iso2022Jp]) as [number, CharsetName][]),
  ...([20_932, 51_932, 33_722].map((number) => [number, eucJp]) as [number, CharsetName][]),
  ...([367, 20_127].map((number) => [number, guess]) as [number, CharsetName][]),
  ...([819, 1252].map((number) => [number, western]) as [number, CharsetName][]),
  [866, named('node', 'ibm866')],
  [874, thai],
  [1200, named('node', 'utf-16le', true)],
  [1201, named('node', 'utf-16be', true)],
  [10_000, macRoman],
  [10_007, macCyrillic],
  [20_866, named('node', 'koi8-r')],
  [21_866, named('node', 'koi8-u')],
  [50_225, named('7bit', 'iso-2022-kr', true)],
  [50_227, named('7bit', 'iso-2022-cn', true)],
  [52_936, named('7bit', 'hz', true)],
  [54_936, gb18030],
  [65_000, utf7],
  [65_001, utf8],
]);

// Limit: no label that anybody knows is longer, and so many different ones are kept in mind.
const labelMax = 60;
const labelsKeptMax = 1000;
const kept = new Map<string, CharsetName>();

/** `label` as it was written. Total; what nobody knows is 'guess'. */
export function charsetName(label: string): CharsetName {
  if (label.length > labelMax) return guess;
  const known = kept.get(label);
  if (known !== undefined) return known;
  const key = label.toLowerCase().replace(/[^a-z0-9]+/g, '');
  const charset =
    find(key) ??
    (key.startsWith('x') ? find(key.slice(1)) : undefined) ??
    (key.startsWith('cs') ? find(key.slice(2)) : undefined) ??
    guess;
  if (kept.size >= labelsKeptMax) kept.clear();
  kept.set(label, charset);
  return charset;
}

const find = (key: string): CharsetName | undefined =>
  labels.get(key) ?? iso8859(key) ?? iso2022(key) ?? codePage(key) ?? byIconv(key);

/** What stands behind the number is the year of the standard, or how Arabic and Hebrew are written. */
function iso8859(key: string): CharsetName | undefined {
  const part = /^(?:iso)?8859(\d{1,2})(?:\d{4}|[eils]|windows.*)?$/.exec(key)?.[1];
  if (part === undefined) return undefined;
  if (part === '1') return western;
  if (part === '9') return turkish;
  if (part === '11') return thai;
  const isKnown = /^(?:[2-8]|1[03-6])$/.test(part);
  return isKnown ? named('node', `iso-8859-${part}`) : undefined;
}

/** All variants of one country are read alike: each adds to what the others have. */
function iso2022(key: string): CharsetName | undefined {
  const country = /^(?:iso)?2022(jp|kr|cn)[a-z0-9]*$/.exec(key)?.[1];
  return country === undefined ? undefined : named('7bit', `iso-2022-${country}`, true);
}

function codePage(key: string): CharsetName | undefined {
  const prefix = /^(?:cp|ibm|windows|win|ms|dos|oem|pc|codepage|cpwindows)0*(?=\d{3,5}$)/.exec(key);
  if (prefix === null) return undefined;
  const number = Number(key.slice(prefix[0].length));
  const known = codePages.get(number);
  if (known !== undefined) return known;
  if (number >= 1250 && number <= 1258) return named('node', `windows-${number}`);
  if (number >= 28_591 && number <= 28_606) return iso8859(`8859${number - 28_590}`);
  return byIconv(`cp${number}`);
}

/** What iconv-lite alone reads, by its names. Fixed: among those it knows are transfer encodings, too. */
const ofIconv = new Set([
  ...[437, 720, 737, 775, 808, 850, 852, 855, 856, 857, 858, 860, 861, 862].map((n) => `cp${n}`),
  ...[863, 864, 865, 869, 922, 1046, 1124, 1125, 1129, 1133, 1161, 1162, 1163].map((n) => `cp${n}`),
  ...[
    'maccenteuro',
    'maccroatian',
    'macgreek',
    'maciceland',
    'macromania',
    'macthai',
    'macturkish',
  ],
  ...['armscii8', 'georgianacademy', 'georgianps', 'hproman8', 'koi8t', 'mik', 'pt154', 'rk1048'],
  ...['cesu8'],
]);

const byIconv = (key: string): CharsetName | undefined =>
  ofIconv.has(key) ? named('iconv', key) : undefined;
