import type { Messages } from './en.ts'

export const IT: Messages = {
  steps: { label: 'Avanzamento', choose: 'Scegli', login: 'Accedi', done: 'Fatto' },
  choose: {
    heading: 'Collega il tuo dispositivo',
    intro: (app) =>
      `${app} chiede di ricevere i dati di salute e attività che scegli di condividere.`,
    account: 'Stai collegando per l’account',
    notYours: 'Non è il tuo account? Allora non continuare: chiudi questa pagina.',
    login: (app) => `Accedi presso il fornitore stesso; ${app} non vede mai la tua password.`,
    what: (app) => `Che cosa riceve ${app}`,
    agree: (app) =>
      `Scegliendo un fornitore accetti che invii questi dati a ${app} finché non lo scolleghi.`,
    providersDiffer: 'Che cosa viene inviato dipende dal fornitore e da ciò che lì consenti.',
    search: 'Cerca fornitori',
    searchButton: 'Cerca',
    results: (count) => `Fornitori trovati: ${count}`,
    noResults: 'Nessun fornitore ha questo nome.',
    showAll: 'Mostra tutti',
    none: (app) =>
      `${app} non offre ancora dispositivi tra cui scegliere. Torna all’app e avvisa l’assistenza.`,
    notNow: 'Non ora, torna indietro',
    back: 'Torna indietro',
    canStop: 'Puoi scollegare in qualsiasi momento, nell’app o presso il fornitore.',
    connected: 'Collegato',
    broken: 'Da ricollegare',
    leaving: (provider) => `Apertura di ${provider}…`,
    manage: (count) => `I miei collegamenti (${count})`,
  },
  connections: {
    heading: 'I miei collegamenti',
    intro: (app) => `Questi collegamenti inviano dati a ${app}.`,
    none: 'Nessun collegamento.',
    since: (date) => `Collegato dal ${date}`,
    working: 'Funziona',
    broken: 'Il fornitore non lascia più passare i dati. Collega di nuovo.',
    reconnect: (provider) => `Ricollega ${provider}`,
    disconnect: (provider) => `Scollega ${provider}`,
    consequence: (app, provider) =>
      `${app} non riceve più dati da ${provider}. Quelli già ricevuti restano a ${app}.`,
    confirm: (provider) => `Sì, scollega ${provider}`,
    gone: (provider) => `${provider} è scollegato.`,
    another: 'Collega un altro dispositivo',
  },
  ended: {
    connected: (provider) => `${provider} è collegato`,
    failed: (provider) => `${provider} non è collegato`,
    close: 'Puoi chiudere questa pagina e tornare all’app.',
    nothingShared: 'Non è stato condiviso nulla. Puoi chiudere questa pagina e tornare all’app.',
    retry: (provider) => `Riprova con ${provider}`,
    keepOn: 'Lascia attivo:',
    otherReason: (reason) => `Il fornitore ha risposto «${reason}».`,
    reasons: {
      access_denied:
        'Hai scelto di non condividere i tuoi dati. Puoi cambiare idea in qualsiasi momento.',
      auth_cancelled: 'Hai lasciato la pagina prima che il collegamento fosse completo.',
      expired: 'Il collegamento non è stato completato in tempo. Riprova.',
      missing_scopes:
        'Un’autorizzazione di cui l’app ha bisogno era disattivata. Riprova e lasciala attiva.',
      provider_unavailable: 'Il fornitore non era raggiungibile. Riprova tra qualche minuto.',
      client_misconfigured:
        'L’app non è configurata correttamente presso il fornitore. Deve rimediare la sua assistenza; riprovare non serve.',
      interrupted: 'Il collegamento si è interrotto. Riprova.',
      not_confirmed: 'L’app non ha completato il collegamento in tempo. Torna all’app e riprova.',
      other_end_user:
        'Nell’app hai effettuato l’accesso come una persona diversa da quella a cui era destinato questo link. Non è stato collegato nulla; richiedi un tuo link nell’app.',
      account_in_use:
        'Questo account del fornitore è già collegato da un’altra persona nell’app. Esci dal fornitore e usa un altro account, oppure fallo prima scollegare.',
      other_account:
        'Hai effettuato l’accesso con un account diverso da quello collegato. Esci dal fornitore e riprova con l’account giusto.',
    },
  },
  waiting: {
    heading: 'Collegamento in corso…',
    text: 'Ci vogliono pochi secondi.',
    check: 'Controlla ora',
  },
  deadEnds: {
    unknown: {
      heading: 'Questo link non esiste',
      text: 'Forse è stato tagliato durante la copia. Torna all’app e ricomincia.',
    },
    opened_elsewhere: {
      heading: 'Questo link è stato aperto in un altro browser',
      text: 'Per proteggere i tuoi dati funziona solo dove è stato aperto la prima volta. Torna lì, oppure chiedi un nuovo link nell’app.',
    },
    used: {
      heading: 'Questo link è già stato usato',
      text: 'Ogni link collega una volta sola. Per collegare altro, chiedine uno nuovo nell’app.',
    },
    expired: {
      heading: 'Questo link è scaduto',
      text: 'I link valgono 15 minuti. Torna all’app e chiedine uno nuovo.',
    },
    state_unknown: {
      heading: 'Questo accesso non appartiene a nessun collegamento in corso',
      text: 'Forse è una pagina vecchia, o un tentativo più recente l’ha sostituita. Torna all’app e ricomincia.',
    },
    form_unreadable: {
      heading: 'Non è stato possibile leggere la scelta',
      text: 'Non è successo nulla. Torna alla pagina precedente e scegli di nuovo.',
    },
    cancelled: {
      heading: 'Non è stato collegato nulla',
      text: 'Puoi chiudere questa pagina e tornare all’app.',
    },
    failed: {
      heading: 'Qui qualcosa è andato storto',
      text: 'Non è stato collegato nulla. Torna all’app e riprova tra un minuto.',
    },
  },
  move: {
    heading: (from: string, to: string) => `Passare da ${from} a ${to}`,
    text: (app: string, from: string, to: string) =>
      `${from} non trasmette più dati; ${to} ne prende il posto. ${app} continuerà a ricevere i tuoi dati quando avrai dato il consenso lì. La tua cronologia in ${app} rimane.`,
    goOn: (to: string) => `Continua su ${to}`,
    expired: 'Questo link è scaduto',
    whatNow: 'Torna all’app o chiedi un nuovo link all’assistenza.',
  },
  language: { label: 'Lingua', change: 'Cambia' },
  kinds: {
    activity: 'Attività e allenamenti',
    sleep: 'Sonno',
    heart: 'Cuore',
    body: 'Peso e corpo',
    nutrition: 'Cibo e bevande',
    glucose: 'Glicemia',
    breathing: 'Respiro e ossigeno',
    temperature: 'Temperatura',
    cycle: 'Ciclo mestruale',
    mind: 'Stress e benessere mentale',
    location: 'Posizione',
    profile: 'Profilo',
    plans: 'Invia allenamenti al tuo dispositivo',
  },
}
