import type { Messages } from './en.ts'

export const DE: Messages = {
  steps: { label: 'Fortschritt', choose: 'Auswählen', login: 'Anmelden', done: 'Fertig' },
  choose: {
    heading: 'Gerät verbinden',
    intro: (app) =>
      `${app} bittet um die Gesundheits- und Aktivitätsdaten, die Sie freigeben möchten.`,
    account: 'Sie verbinden für das Konto',
    notYours:
      'Ist das nicht Ihr Konto? Dann machen Sie nicht weiter, sondern schließen Sie diese Seite.',
    login: (app) => `Sie melden sich beim Anbieter selbst an; ${app} sieht Ihr Passwort nie.`,
    what: (app) => `Was ${app} erhält`,
    agree: (app) =>
      `Mit der Auswahl eines Anbieters stimmen Sie zu, dass er diese Daten an ${app} sendet, bis Sie die Verbindung trennen.`,
    providersDiffer:
      'Was davon übertragen wird, hängt vom Anbieter ab und davon, was Sie dort erlauben.',
    search: 'Anbieter suchen',
    searchButton: 'Suchen',
    results: (count) => `Gefundene Anbieter: ${count}`,
    noResults: 'Es gibt keinen Anbieter mit diesem Namen.',
    showAll: 'Alle anzeigen',
    none: (app) =>
      `Bei ${app} gibt es noch keine Geräte zur Auswahl. Bitte gehen Sie zurück zur App und melden Sie es dem Support.`,
    notNow: 'Jetzt nicht, zurück',
    back: 'Zurück',
    canStop: 'Sie können die Verbindung jederzeit trennen, in der App oder beim Anbieter.',
    connected: 'Verbunden',
    broken: 'Bitte neu verbinden',
    leaving: (provider) => `Weiter zu ${provider} …`,
    manage: (count) => `Meine Verbindungen (${count})`,
  },
  connections: {
    heading: 'Meine Verbindungen',
    intro: (app) => `Diese senden Daten an ${app}.`,
    none: 'Es ist nichts verbunden.',
    since: (date) => `Verbunden seit ${date}`,
    working: 'Funktioniert',
    broken: 'Der Anbieter lässt keine Daten mehr durch. Bitte verbinden Sie neu.',
    reconnect: (provider) => `${provider} neu verbinden`,
    disconnect: (provider) => `${provider} trennen`,
    consequence: (app, provider) =>
      `${app} erhält keine Daten mehr von ${provider}. Was bisher angekommen ist, bleibt bei ${app}.`,
    confirm: (provider) => `Ja, ${provider} trennen`,
    gone: (provider) => `${provider} ist getrennt.`,
    another: 'Weiteres Gerät verbinden',
  },
  ended: {
    connected: (provider) => `${provider} ist verbunden`,
    failed: (provider) => `${provider} ist nicht verbunden`,
    close: 'Sie können diese Seite schließen und zur App zurückkehren.',
    nothingShared:
      'Es wurde nichts freigegeben. Sie können diese Seite schließen und zur App zurückkehren.',
    retry: (provider) => `Noch einmal mit ${provider} versuchen`,
    keepOn: 'Lassen Sie dies eingeschaltet:',
    otherReason: (reason) => `Der Anbieter hat mit „${reason}“ geantwortet.`,
    reasons: {
      access_denied:
        'Sie möchten Ihre Daten nicht freigeben. Sie können es sich jederzeit anders überlegen.',
      auth_cancelled: 'Sie sind zurückgegangen, bevor die Verbindung hergestellt war.',
      expired:
        'Die Verbindung wurde nicht rechtzeitig abgeschlossen. Versuchen Sie es noch einmal.',
      missing_scopes:
        'Eine Berechtigung, die die App braucht, war ausgeschaltet. Versuchen Sie es noch einmal und lassen Sie sie eingeschaltet.',
      provider_unavailable:
        'Der Anbieter war nicht erreichbar. Versuchen Sie es in ein paar Minuten noch einmal.',
      client_misconfigured:
        'Die App ist beim Anbieter nicht richtig eingerichtet. Das muss ihr Support beheben; ein neuer Versuch hilft nicht.',
      interrupted: 'Die Verbindung wurde unterbrochen. Versuchen Sie es noch einmal.',
      not_confirmed:
        'Die App hat die Verbindung nicht rechtzeitig abgeschlossen. Gehen Sie zur App zurück und versuchen Sie es noch einmal.',
      other_end_user:
        'Sie sind in der App als jemand anderes angemeldet als die Person, für die dieser Link bestimmt war. Es wurde nichts verbunden; holen Sie sich in der App einen eigenen Link.',
      account_in_use:
        'Dieses Konto beim Anbieter ist schon von einer anderen Person in der App verbunden. Melden Sie sich beim Anbieter ab und nehmen Sie ein anderes Konto, oder lassen Sie es dort zuerst trennen.',
      other_account:
        'Sie haben sich mit einem anderen Konto angemeldet als dem, das verbunden ist. Melden Sie sich beim Anbieter ab und versuchen Sie es mit dem richtigen Konto noch einmal.',
    },
  },
  waiting: {
    heading: 'Wird verbunden …',
    text: 'Das dauert ein paar Sekunden.',
    check: 'Jetzt prüfen',
  },
  deadEnds: {
    unknown: {
      heading: 'Diesen Link gibt es nicht',
      text: 'Vielleicht wurde er beim Kopieren abgeschnitten. Gehen Sie zurück zur App und beginnen Sie neu.',
    },
    opened_elsewhere: {
      heading: 'Dieser Link wurde in einem anderen Browser geöffnet',
      text: 'Zum Schutz Ihrer Daten funktioniert er nur dort, wo er zuerst geöffnet wurde. Gehen Sie dorthin, oder holen Sie sich in der App einen neuen Link.',
    },
    used: {
      heading: 'Dieser Link wurde schon benutzt',
      text: 'Jeder Link verbindet einmal. Um noch etwas zu verbinden, holen Sie sich in der App einen neuen.',
    },
    expired: {
      heading: 'Dieser Link ist abgelaufen',
      text: 'Links gelten 15 Minuten. Gehen Sie zurück zur App und holen Sie sich einen neuen.',
    },
    state_unknown: {
      heading: 'Diese Anmeldung gehört zu keiner laufenden Verbindung',
      text: 'Vielleicht ist es eine alte Seite, oder ein neuerer Versuch hat sie ersetzt. Gehen Sie zurück zur App und beginnen Sie neu.',
    },
    form_unreadable: {
      heading: 'Diese Auswahl war nicht lesbar',
      text: 'Es ist nichts geschehen. Gehen Sie eine Seite zurück und wählen Sie noch einmal.',
    },
    cancelled: {
      heading: 'Es wurde nichts verbunden',
      text: 'Sie können diese Seite schließen und zur App zurückkehren.',
    },
    failed: {
      heading: 'Hier ist etwas schiefgegangen',
      text: 'Es wurde nichts verbunden. Gehen Sie zurück zur App und versuchen Sie es in einer Minute noch einmal.',
    },
  },
  move: {
    heading: (from: string, to: string) => `Von ${from} zu ${to} wechseln`,
    text: (app: string, from: string, to: string) =>
      `${from} gibt keine Daten mehr weiter; ${to} tritt an die Stelle. ${app} erhält Ihre Daten weiter, sobald Sie dort zugestimmt haben. Ihr bisheriger Verlauf in ${app} bleibt.`,
    goOn: (to: string) => `Weiter zu ${to}`,
    expired: 'Dieser Link ist abgelaufen',
    whatNow: 'Gehen Sie zurück zur App oder bitten Sie deren Support um einen neuen Link.',
  },
  language: { label: 'Sprache', change: 'Ändern' },
  kinds: {
    activity: 'Aktivität und Training',
    sleep: 'Schlaf',
    heart: 'Herz',
    body: 'Gewicht und Körper',
    nutrition: 'Essen und Trinken',
    glucose: 'Blutzucker',
    breathing: 'Atmung und Sauerstoff',
    temperature: 'Temperatur',
    cycle: 'Menstruationszyklus',
    mind: 'Stress und Psyche',
    location: 'Standort',
    profile: 'Profil',
    plans: 'Sendet Trainings an Ihr Gerät',
  },
}
