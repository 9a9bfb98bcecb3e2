// Named characters of HTML 4 (its chapter 24), and those of later HTML that stand in mail.

/** U+00A0 to U+00FF, in order. */
const latin1 = [
  'nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg',
  'plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34',
  'iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml',
  'Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave',
  'Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil',
  'egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde',
  'ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml',
].flatMap((line) => line.split(' '));

/** Each with its character behind it. */
const others = [
  'OEligŒ oeligœ ScaronŠ scaronš YumlŸ fnofƒ circˆ tilde˜ AlphaΑ BetaΒ GammaΓ DeltaΔ',
  'EpsilonΕ ZetaΖ EtaΗ ThetaΘ IotaΙ KappaΚ LambdaΛ MuΜ NuΝ XiΞ OmicronΟ PiΠ RhoΡ SigmaΣ',
  'TauΤ UpsilonΥ PhiΦ ChiΧ PsiΨ OmegaΩ alphaα betaβ gammaγ deltaδ epsilonε zetaζ etaη',
  'thetaθ iotaι kappaκ lambdaλ muμ nuν xiξ omicronο piπ rhoρ sigmafς sigmaσ tauτ upsilonυ',
  'phiφ chiχ psiψ omegaω thetasymϑ upsihϒ pivϖ ndash– mdash— lsquo‘ rsquo’ sbquo‚ ldquo“',
  'rdquo” bdquo„ dagger† Dagger‡ bull• hellip… permil‰ prime′ Prime″ lsaquo‹ rsaquo› oline‾',
  'frasl⁄ euro€ imageℑ weierp℘ realℜ trade™ alefsymℵ larr← uarr↑ rarr→ darr↓ harr↔ crarr↵',
  'lArr⇐ uArr⇑ rArr⇒ dArr⇓ hArr⇔ forall∀ part∂ exist∃ empty∅ nabla∇ isin∈ notin∉ ni∋ prod∏',
  'sum∑ minus− lowast∗ radic√ prop∝ infin∞ ang∠ and∧ or∨ cap∩ cup∪ int∫ there4∴ sim∼ cong≅',
  'asymp≈ ne≠ equiv≡ le≤ ge≥ sub⊂ sup⊃ nsub⊄ sube⊆ supe⊇ oplus⊕ otimes⊗ perp⊥ sdot⋅ lceil⌈',
  'rceil⌉ lfloor⌊ rfloor⌋ lang〈 rang〉 loz◊ spades♠ clubs♣ hearts♥ diams♦',
  'apos\' quot" amp& lt< gt> check✓ starf★ star☆ phone☎ cross✗ nearr↗ searr↘ ccaron\u010d Ccaron\u010c ecaron\u011b Ecaron\u011a',
  'rcaron\u0159 Rcaron\u0158 ncaron\u0148 Ncaron\u0147 uring\u016f Uring\u016e zcaron\u017e Zcaron\u017d cacute\u0107',
  'Cacute\u0106 nacute\u0144 Nacute\u0143 sacute\u015b Sacute\u015a zacute\u017a Zacute\u0179 zdot\u017c Zdot\u017b eogon\u0119',
  'Eogon\u0118 aogon\u0105 Aogon\u0104 lstrok\u0142 Lstrok\u0141 abreve\u0103 Abreve\u0102 scedil\u015f Scedil\u015e tcedil\u0163',
  'Tcedil\u0162 gbreve\u011f Gbreve\u011e Idot\u0130 imath\u0131 odblac\u0151 Odblac\u0150 udblac\u0171 Udblac\u0170 dcaron\u010f Dcaron\u010e',
  'tcaron\u0165 Tcaron\u0164 amacr\u0101 emacr\u0113 imacr\u012b umacr\u016b dstrok\u0111 Dstrok\u0110 numero№ commat@ lsqb[ rsqb]',
  'num# excl! quest? comma, period. colon: semi; sol/ bsol\\ lowbar_ ast* plus+ equals= percnt% dollar$ lpar( rpar)',
].flatMap((line) => line.split(' '));

/** Spaces of all widths are spaces; what joins or parts letters and is not seen is nothing. */
const spacing = [
  ...['nbsp', 'ensp', 'emsp', 'emsp13', 'emsp14', 'numsp', 'puncsp', 'thinsp', 'hairsp'].map(
    (name) => [name, ' '] as const,
  ),
  ...['Tab', 'NewLine', 'MediumSpace'].map((name) => [name, ' '] as const),
  ...['shy', 'zwnj', 'zwj', 'lrm', 'rlm', 'ZeroWidthSpace', 'NoBreak'].map(
    (name) => [name, ''] as const,
  ),
];

export const entities: ReadonlyMap<string, string> = new Map([
  ...latin1.map((name, i) => [name, String.fromCharCode(0xa0 + i)] as const),
  ...others.map((pair) => [pair.slice(0, -1), pair.slice(-1)] as const),
  ...spacing,
]);
