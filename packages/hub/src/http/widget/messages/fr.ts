import type { Messages } from './en.ts'

export const FR: Messages = {
  steps: { label: 'Progression', choose: 'Choisir', login: 'S’identifier', done: 'Terminé' },
  choose: {
    heading: 'Connectez votre appareil',
    intro: (app) =>
      `${app} souhaite recevoir les données de santé et d’activité que vous choisissez de partager.`,
    account: 'Vous connectez pour le compte',
    notYours: 'Ce n’est pas votre compte\u00A0? Alors ne continuez pas\u00A0: fermez cette page.',
    login: (app) =>
      `Vous vous identifiez chez le fournisseur lui-même\u00A0; ${app} ne voit jamais votre mot de passe.`,
    what: (app) => `Ce que reçoit ${app}`,
    agree: (app) =>
      `En choisissant un fournisseur, vous acceptez qu’il envoie ces données à ${app} jusqu’à ce que vous le déconnectiez.`,
    providersDiffer: 'Ce qui est transmis dépend du fournisseur et de ce que vous y autorisez.',
    search: 'Rechercher un fournisseur',
    searchButton: 'Rechercher',
    results: (count) => `Fournisseurs trouvés\u00A0: ${count}`,
    noResults: 'Aucun fournisseur ne porte ce nom.',
    showAll: 'Tout afficher',
    none: (app) =>
      `${app} ne propose encore aucun appareil. Retournez dans l’application et prévenez son assistance.`,
    notNow: 'Pas maintenant, retour à l’application',
    back: 'Retour',
    canStop:
      'Vous pouvez mettre fin à la connexion à tout moment, dans l’application ou chez le fournisseur.',
    connected: 'Connecté',
    broken: 'À reconnecter',
    leaving: (provider) => `Redirection vers ${provider}…`,
    manage: (count) => `Mes connexions (${count})`,
  },
  connections: {
    heading: 'Mes connexions',
    intro: (app) => `Ces connexions envoient des données à ${app}.`,
    none: 'Rien n’est connecté.',
    since: (date) => `Connecté depuis le ${date}`,
    working: 'Fonctionne',
    broken: 'Le fournisseur ne transmet plus de données. Reconnectez-le.',
    reconnect: (provider) => `Reconnecter ${provider}`,
    disconnect: (provider) => `Déconnecter ${provider}`,
    consequence: (app, provider) =>
      `${app} ne reçoit plus de données de ${provider}. Ce qui a déjà été reçu reste chez ${app}.`,
    confirm: (provider) => `Oui, déconnecter ${provider}`,
    gone: (provider) => `${provider} est déconnecté.`,
    another: 'Connecter un autre appareil',
  },
  ended: {
    connected: (provider) => `${provider} est connecté`,
    failed: (provider) => `${provider} n’est pas connecté`,
    close: 'Vous pouvez fermer cette page et retourner dans l’application.',
    nothingShared:
      'Rien n’a été partagé. Vous pouvez fermer cette page et retourner dans l’application.',
    retry: (provider) => `Réessayer avec ${provider}`,
    keepOn: 'Laissez ceci activé\u00A0:',
    otherReason: (reason) => `Le fournisseur a répondu «\u00A0${reason}\u00A0».`,
    reasons: {
      access_denied:
        'Vous avez choisi de ne pas partager vos données. Vous pouvez changer d’avis à tout moment.',
      auth_cancelled: 'Vous avez quitté la page avant la fin de la connexion.',
      expired: 'La connexion n’a pas été terminée à temps. Réessayez.',
      missing_scopes:
        'Une autorisation dont l’application a besoin était désactivée. Réessayez en la laissant activée.',
      provider_unavailable:
        'Le fournisseur n’a pas pu être joint. Réessayez dans quelques minutes.',
      client_misconfigured:
        'L’application n’est pas configurée correctement chez le fournisseur. Son assistance doit le corriger\u00A0; réessayer n’y changera rien.',
      interrupted: 'La connexion a été interrompue. Réessayez.',
      not_confirmed:
        'L’application n’a pas terminé la connexion à temps. Revenez à l’application et réessayez.',
      other_end_user:
        'La session ouverte dans l’application est celle d’une autre personne que celle à qui ce lien était destiné. Rien n’a été connecté\u00A0; demandez votre propre lien dans l’application.',
      account_in_use:
        'Ce compte chez le fournisseur est déjà connecté par une autre personne dans l’application. Déconnectez-vous chez le fournisseur et utilisez un autre compte, ou faites-le d’abord dissocier.',
      other_account:
        'Vous avez ouvert la session d’un autre compte que celui qui est connecté. Déconnectez-vous chez le fournisseur, puis réessayez avec le bon compte.',
    },
  },
  waiting: {
    heading: 'Connexion en cours…',
    text: 'Cela prend quelques secondes.',
    check: 'Vérifier maintenant',
  },
  deadEnds: {
    unknown: {
      heading: 'Ce lien n’existe pas',
      text: 'Il a peut-être été coupé lors de la copie. Retournez dans l’application et recommencez.',
    },
    opened_elsewhere: {
      heading: 'Ce lien a été ouvert dans un autre navigateur',
      text: 'Pour protéger vos données, il ne fonctionne que là où il a été ouvert en premier. Retournez-y, ou demandez un nouveau lien dans l’application.',
    },
    used: {
      heading: 'Ce lien a déjà servi',
      text: 'Chaque lien ne connecte qu’une fois. Pour connecter autre chose, demandez-en un nouveau dans l’application.',
    },
    expired: {
      heading: 'Ce lien a expiré',
      text: 'Les liens sont valables 15 minutes. Retournez dans l’application et demandez-en un nouveau.',
    },
    state_unknown: {
      heading: 'Cette identification ne correspond à aucune connexion en cours',
      text: 'C’est peut-être une ancienne page, ou un essai plus récent l’a remplacée. Retournez dans l’application et recommencez.',
    },
    form_unreadable: {
      heading: 'Ce choix n’a pas pu être lu',
      text: 'Rien ne s’est passé. Revenez à la page précédente et choisissez de nouveau.',
    },
    cancelled: {
      heading: 'Rien n’a été connecté',
      text: 'Vous pouvez fermer cette page et retourner dans l’application.',
    },
    failed: {
      heading: 'Un problème est survenu ici',
      text: 'Rien n’a été connecté. Retournez dans l’application et réessayez dans une minute.',
    },
  },
  move: {
    heading: (from: string, to: string) => `Passer de ${from} à ${to}`,
    text: (app: string, from: string, to: string) =>
      `${from} ne transmet plus de données\u00A0; ${to} prend sa place. ${app} continuera à recevoir vos données dès que vous aurez donné votre accord. Votre historique dans ${app} est conservé.`,
    goOn: (to: string) => `Continuer vers ${to}`,
    expired: 'Ce lien a expiré',
    whatNow: 'Retournez dans l’application ou demandez un nouveau lien à son assistance.',
  },
  language: { label: 'Langue', change: 'Changer' },
  kinds: {
    activity: 'Activité et entraînements',
    sleep: 'Sommeil',
    heart: 'Cœur',
    body: 'Poids et corps',
    nutrition: 'Alimentation et boissons',
    glucose: 'Glycémie',
    breathing: 'Respiration et oxygène',
    temperature: 'Température',
    cycle: 'Cycle menstruel',
    mind: 'Stress et bien-être mental',
    location: 'Position',
    profile: 'Profil',
    plans: 'Envoie des entraînements à votre appareil',
  },
}
