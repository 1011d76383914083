import type { Messages } from './en.ts'

export const NL: Messages = {
  steps: { label: 'Voortgang', choose: 'Kiezen', login: 'Inloggen', done: 'Klaar' },
  choose: {
    heading: 'Verbind je apparaat',
    intro: (app) => `${app} vraagt om de gezondheids- en activiteitsgegevens die je wilt delen.`,
    account: 'Je verbindt voor het account',
    notYours: 'Is dit niet jouw account? Ga dan niet verder en sluit deze pagina.',
    login: (app) => `Je logt in bij de aanbieder zelf; ${app} ziet je wachtwoord nooit.`,
    what: (app) => `Wat ${app} ontvangt`,
    agree: (app) =>
      `Door een aanbieder te kiezen ga je ermee akkoord dat die deze gegevens naar ${app} stuurt totdat je de verbinding verbreekt.`,
    providersDiffer:
      'Wat er wordt verstuurd hangt af van de aanbieder en van wat je daar toestaat.',
    search: 'Aanbieders zoeken',
    searchButton: 'Zoeken',
    results: (count) => `Gevonden aanbieders: ${count}`,
    noResults: 'Er is geen aanbieder met die naam.',
    showAll: 'Alles tonen',
    none: (app) =>
      `${app} heeft nog geen apparaten om uit te kiezen. Ga terug naar de app en meld het bij de klantenservice.`,
    notNow: 'Nu niet, terug',
    back: 'Terug',
    canStop: 'Je kunt de verbinding altijd verbreken, in de app of bij de aanbieder.',
    connected: 'Verbonden',
    broken: 'Verbind opnieuw',
    leaving: (provider) => `Naar ${provider}…`,
    manage: (count) => `Mijn verbindingen (${count})`,
  },
  connections: {
    heading: 'Mijn verbindingen',
    intro: (app) => `Deze verbindingen sturen gegevens naar ${app}.`,
    none: 'Er is niets verbonden.',
    since: (date) => `Verbonden sinds ${date}`,
    working: 'Werkt',
    broken: 'De aanbieder laat geen gegevens meer door. Verbind opnieuw.',
    reconnect: (provider) => `${provider} opnieuw verbinden`,
    disconnect: (provider) => `${provider} loskoppelen`,
    consequence: (app, provider) =>
      `${app} krijgt geen gegevens meer van ${provider}. Wat al is ontvangen blijft bij ${app}.`,
    confirm: (provider) => `Ja, ${provider} loskoppelen`,
    gone: (provider) => `${provider} is niet meer verbonden.`,
    another: 'Nog een apparaat verbinden',
  },
  ended: {
    connected: (provider) => `${provider} is verbonden`,
    failed: (provider) => `${provider} is niet verbonden`,
    close: 'Je kunt deze pagina sluiten en teruggaan naar de app.',
    nothingShared: 'Er is niets gedeeld. Je kunt deze pagina sluiten en teruggaan naar de app.',
    retry: (provider) => `Opnieuw proberen met ${provider}`,
    keepOn: 'Laat dit aanstaan:',
    otherReason: (reason) => `De aanbieder antwoordde “${reason}”.`,
    reasons: {
      access_denied:
        'Je hebt ervoor gekozen je gegevens niet te delen. Je kunt altijd van gedachten veranderen.',
      auth_cancelled: 'Je bent teruggegaan voordat de verbinding was gemaakt.',
      expired: 'De verbinding is niet op tijd afgerond. Probeer het opnieuw.',
      missing_scopes:
        'Een toestemming die de app nodig heeft stond uit. Probeer het opnieuw en laat die aan.',
      provider_unavailable:
        'De aanbieder was niet bereikbaar. Probeer het over een paar minuten opnieuw.',
      client_misconfigured:
        'De app is bij de aanbieder niet goed ingesteld. De klantenservice moet dit oplossen; opnieuw proberen helpt niet.',
      interrupted: 'De verbinding werd onderbroken. Probeer het opnieuw.',
      not_confirmed:
        'De app heeft de verbinding niet op tijd afgerond. Ga terug naar de app en probeer het opnieuw.',
      other_end_user:
        'Je bent in de app ingelogd als iemand anders dan de persoon voor wie deze link was gemaakt. Er is niets verbonden; haal in de app een eigen link op.',
      account_in_use:
        'Dit account bij de aanbieder is al verbonden door iemand anders in de app. Log uit bij de aanbieder en gebruik een ander account, of laat het daar eerst loskoppelen.',
      other_account:
        'Je hebt ingelogd met een ander account dan het account dat verbonden is. Log uit bij de aanbieder en probeer het opnieuw met het juiste account.',
    },
  },
  waiting: {
    heading: 'Bezig met verbinden…',
    text: 'Dit duurt een paar seconden.',
    check: 'Nu controleren',
  },
  deadEnds: {
    unknown: {
      heading: 'Deze link bestaat niet',
      text: 'Misschien is hij bij het kopiëren afgebroken. Ga terug naar de app en begin opnieuw.',
    },
    opened_elsewhere: {
      heading: 'Deze link is in een andere browser geopend',
      text: 'Om je gegevens te beschermen werkt hij alleen waar hij het eerst is geopend. Ga daarheen, of haal een nieuwe link in de app.',
    },
    used: {
      heading: 'Deze link is al gebruikt',
      text: 'Elke link verbindt één keer. Haal in de app een nieuwe om nog iets te verbinden.',
    },
    expired: {
      heading: 'Deze link is verlopen',
      text: 'Links zijn 15 minuten geldig. Ga terug naar de app en haal een nieuwe.',
    },
    state_unknown: {
      heading: 'Deze login hoort niet bij een lopende verbinding',
      text: 'Misschien is het een oude pagina, of is die door een nieuwere poging vervangen. Ga terug naar de app en begin opnieuw.',
    },
    form_unreadable: {
      heading: 'Die keuze was niet leesbaar',
      text: 'Er is niets gebeurd. Ga één pagina terug en kies opnieuw.',
    },
    cancelled: {
      heading: 'Er is niets verbonden',
      text: 'Je kunt deze pagina sluiten en teruggaan naar de app.',
    },
    failed: {
      heading: 'Hier ging iets mis',
      text: 'Er is niets verbonden. Ga terug naar de app en probeer het over een minuut opnieuw.',
    },
  },
  move: {
    heading: (from: string, to: string) => `Van ${from} naar ${to} overstappen`,
    text: (app: string, from: string, to: string) =>
      `${from} geeft geen gegevens meer door; ${to} komt ervoor in de plaats. ${app} blijft je gegevens ontvangen zodra je daar toestemming hebt gegeven. Je geschiedenis in ${app} blijft.`,
    goOn: (to: string) => `Verder naar ${to}`,
    expired: 'Deze link is verlopen',
    whatNow: 'Ga terug naar de app of vraag de helpdesk om een nieuwe link.',
  },
  language: { label: 'Taal', change: 'Wijzigen' },
  kinds: {
    activity: 'Activiteit en trainingen',
    sleep: 'Slaap',
    heart: 'Hart',
    body: 'Gewicht en lichaam',
    nutrition: 'Eten en drinken',
    glucose: 'Glucose',
    breathing: 'Ademhaling en zuurstof',
    temperature: 'Temperatuur',
    cycle: 'Menstruatiecyclus',
    mind: 'Stress en mentale gezondheid',
    location: 'Locatie',
    profile: 'Profiel',
    plans: 'Stuurt trainingen naar je apparaat',
  },
}
