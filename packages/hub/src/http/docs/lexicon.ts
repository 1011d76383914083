/** What words mean to the search: which say nothing, which mean the same, which are written in several ways. */

/** Words of any question. */
export const STOP_WORDS = new Set(
  `a about after again all also am an and any anyone anybody are as at be been being but by can cannot could did do does doing don done else ever for
  from gets got had happen happens has have having he her here him his how i if in into is isn it its just kind like make makes mean means me might
  mine much must my need needs no not now of off on one only onto or our ours out please possible set she should so some somebody someone something
  still take tell explain than that the their them then there these they thing things this those to too under until up us use used using via want
  wants was way we were what when where which while who whom whose why will with without won work works would you your yours cant dont doesnt isnt wasnt arent wont wouldnt couldnt shouldnt hasnt havent didnt im ive its thats whats wheres hows
  firma see same put goes going give gives gave given very really actually maybe already exactly really possible let lets hello hi thanks`.split(
    /\s+/,
  ),
)

/** Words that tell of circumstances: a section may answer without them. */
export const LIGHT_WORDS = new Set(
  `terra weekend week weeks     yesterday today tomorrow morning night minute minutes second seconds hour hours while ever
  normal normally somehow sometimes often always never again suddenly random randomly recently currently exactly approximately roughly around
  big bad good best better worse worst right wrong nice ugly easy easily hard simple simply quick quickly slow slowly proper properly correct correctly
  problem problems issue issues trouble question questions answer help idea reason reasons difference different same similar kind sort part parts piece
  keep keeps keeping kept come comes came coming go goes went gone put puts say says said tell tells told show shows shown shown see sees seen saw look looks
  looking seem seems find finds ask asks asked know knows known think thought guess believe understand want wanted wish try tries tried trying
  let lets letting get getting give gives given gave take takes taken took bring brings brought leave leaves left stay stays stayed turn turns turned
  run runs running ran start starts started begin begins end ends ended finish finishes stop stops stopped happen happens happened appear appears
  move moves walk speak speaks talk hear hears call calls called name named mean means meant matter matters care cares deal handle handling
  own owns owning have having hold holds   pick picks choose point points pass passes hit hits meet meets reach reaches break breaks broke broken
  old new fresh young long short high low large small tiny huge whole half full empty early late later soon next last first previous former other another
  several many few two three four ten twenty hundred thousand every each both either neither none all most some any much more less least enough
  people guy guys team company customer customers product app apps application applications backend frontend server site website
  real really sure certain clear possible impossible allowed ok okay fine cool great
  instead behind beside between during before inside outside within without away back down up off over under along across next near together apart
  anew anyway currently finally actually basically probably perhaps maybe
  stuff etc thing things way ways case cases place places time times anything everything nothing something someone somebody everyone nobody
  side system data example examples check checks checking needed need needs use uses used useful using support supported supports work works working
  weird strange odd funny crazy please thanks thank hello hi hey sorry ve ll re didn doesn isn wasn aren couldn shouldn wouldn hasn haven`.split(
    /\s+/,
  ),
)

/** Spellings that are one word, before words are cut apart. */
export const SPELLINGS: readonly (readonly [pattern: RegExp, word: string])[] = [
  [/\bre-(?=[a-z])/g, 're'],
  [/\bback(?:ing|ed)?[ -]ups?\b/g, 'backup'],
  [/\bweb[ -]views?\b/g, 'webview'],
  [/\bweb[ -]hooks?\b/g, 'webhook'],
  [/\bload[ -]balanc(?:er|ing)s?\b/g, 'loadbalancer'],
  [/\btim(?:e|es|ed|ing)[ -]outs?\b/g, 'timeout'],
  [/\blog(?:s|ged|ging)?[ -]?(?:in|on)\b/g, 'login'],
  [/\bset(?:ting)?[ -]up\b/g, 'setup'],
  [/\bpop[ -]ups?\b/g, 'popup'],
  [/\bnext\.?js\b/g, 'nextjs'],
  [/\bnode\.js\b/g, 'nodejs'],
  [/\be-mails?\b/g, 'email'],
  [/\bopen ?api\b|\bswagger\b/g, 'openapi'],
  [/\btype ?script\b/g, 'typescript'],
  [/\blocal ?host\b|\b(?:my|your) (?:own )?(?:machine|laptop|computer)\b/g, 'localhost'],
  [/\bsign[ -](?:ins?|ups?)\b/g, 'login'],
  [/\b(user|reference|dev|event|trace|client)[ -]ids?\b/g, '$1_id'],
  [/\bk8s\b/g, 'kubernetes'],
  [/\bfire ?walls?\b/g, 'firewall'],
]

/** Words that people use for each other, each line one meaning. */
export const SYNONYMS: readonly string[] = [
  'reauth reconnect reauthenticate reconnection relink',
  'disconnect deauth deauthenticate unlink logout kick',
  'webhook destination endpoint',
  'environment dev_id',
  'mobile sdk apple samsung phone ios android iphone',
  'signature signed verify sign hmac genuine forged',
  'expired outdated stale expire',
  'duplicate twice dedupe deduplicate repeated idempotent doubled',
  'order sequence ordering',
  'postgres postgresql',
  'delete remove erase forget forgotten purge wipe',
  'retry resend redeliver replay attempt',
  'webview embedded iframe',
  'limit cap maximum quota throttle throttled',
  'detect notice recognise recognize spot',
  'bulk many mass batch',
  'upgrade update migration',
  'lose losing lost missed miss missing',
  'init initialise initialisation initialize initialization',
  'refuse deny denied declined decline reject refused cancel cancelled abort',
  'scope permission permissions consent',
  'colour color theme brand branding accent logo style',
  'language translation translate locale german french arabic',
  'https tls ssl certificate',
  'docker container image compose podman kubernetes',
  'process instance replica node worker instances',
  'proxy nginx caddy loadbalancer',
  'python django flask ruby rails php laravel golang java',
  'react vue angular component',
  'button popup widget',
  'fake simulate simulated simulator trigger generate mock pretend',
  'test try testing tests',
  'belong belongs owner whose',
  'gdpr privacy forgotten',
  'password credentials passphrase',
  'key secret',
  'rotate change replace renew exchange',
  'monitor watch metrics prometheus grafana alert alarm observability',
  'log audit',
  'csv ndjson export',
  'autocompletion completion bash zsh',
  'athlete people person',
  'blocks block blocked reject refuse',
  'seconds slow timeout',
  'simulate simulator simulated emulate',
  'fast throughput performance size large scale big capacity sizing ram memory cpu hardware',
  'down outage offline unreachable crash crashed crashes unavailable',
  'history backfill historical past',
  'exception throw threw thrown fail fails failed error errors failing',
  'handler callback onevent',
  'database db sqlite',
  'hijack steal attacker attack malicious',
  'tamper tampered altered manipulated changed',
  'migrate migrating import switch leave move moving',
  'link url address',
  'allow whitelist allowlist permitted',
  'internal private intranet lan loopback',
  'enable activate on re-enable reenable',
  'disable disabled deactivated',
  'store keep kept retention retain stored',
  'token tokens oauth',
  'config configuration setting settings configure configured options variable variables',
  'install setup installation deploy deployment hosting host',
  'watch wearable device tracker',
  'localhost tunnel ngrok',
]
