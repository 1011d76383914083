import type { Messages } from './en.ts'

export const PT: Messages = {
  steps: { label: 'Progresso', choose: 'Escolher', login: 'Entrar', done: 'Pronto' },
  choose: {
    heading: 'Conecte o seu dispositivo',
    intro: (app) =>
      `${app} pede para receber os dados de saúde e atividade que você escolher compartilhar.`,
    account: 'Você está conectando para a conta',
    notYours: 'Esta não é a sua conta? Então não continue: feche esta página.',
    login: (app) => `Você faz login no próprio provedor; ${app} nunca vê a sua senha.`,
    what: (app) => `O que ${app} recebe`,
    agree: (app) =>
      `Ao escolher um provedor, você concorda que ele envie estes dados a ${app} até você desconectar.`,
    providersDiffer: 'O que é enviado depende do provedor e do que você permitir nele.',
    search: 'Buscar provedores',
    searchButton: 'Buscar',
    results: (count) => `Provedores encontrados: ${count}`,
    noResults: 'Nenhum provedor tem esse nome.',
    showAll: 'Mostrar todos',
    none: (app) =>
      `${app} ainda não tem dispositivos para escolher. Volte ao aplicativo e avise o suporte.`,
    notNow: 'Agora não, voltar',
    back: 'Voltar',
    canStop: 'Você pode desconectar quando quiser, no aplicativo ou no provedor.',
    connected: 'Conectado',
    broken: 'Conecte de novo',
    leaving: (provider) => `Indo para ${provider}…`,
    manage: (count) => `Minhas conexões (${count})`,
  },
  connections: {
    heading: 'Minhas conexões',
    intro: (app) => `Estas conexões enviam dados a ${app}.`,
    none: 'Nada está conectado.',
    since: (date) => `Conectado desde ${date}`,
    working: 'Funcionando',
    broken: 'O provedor não deixa mais passar dados. Conecte de novo.',
    reconnect: (provider) => `Conectar ${provider} de novo`,
    disconnect: (provider) => `Desconectar ${provider}`,
    consequence: (app, provider) =>
      `${app} não recebe mais dados de ${provider}. O que já recebeu continua em ${app}.`,
    confirm: (provider) => `Sim, desconectar ${provider}`,
    gone: (provider) => `${provider} está desconectado.`,
    another: 'Conectar outro dispositivo',
  },
  ended: {
    connected: (provider) => `${provider} está conectado`,
    failed: (provider) => `${provider} não está conectado`,
    close: 'Você pode fechar esta página e voltar ao aplicativo.',
    nothingShared: 'Nada foi compartilhado. Você pode fechar esta página e voltar ao aplicativo.',
    retry: (provider) => `Tentar novamente com ${provider}`,
    keepOn: 'Mantenha ativado:',
    otherReason: (reason) => `O provedor respondeu “${reason}”.`,
    reasons: {
      access_denied:
        'Você preferiu não compartilhar os seus dados. Pode mudar de ideia quando quiser.',
      auth_cancelled: 'Você voltou antes de a conexão ser feita.',
      expired: 'A conexão não foi concluída a tempo. Tente novamente.',
      missing_scopes:
        'Uma permissão de que o aplicativo precisa estava desativada. Tente novamente e mantenha-a ativada.',
      provider_unavailable:
        'Não foi possível falar com o provedor. Tente novamente em alguns minutos.',
      client_misconfigured:
        'O aplicativo não está configurado corretamente no provedor. O suporte do aplicativo precisa corrigir isso; tentar novamente não adianta.',
      interrupted: 'A conexão foi interrompida. Tente novamente.',
      not_confirmed:
        'O aplicativo não concluiu a conexão a tempo. Volte ao aplicativo e tente novamente.',
      other_end_user:
        'No aplicativo, você entrou como outra pessoa, diferente daquela para quem este link foi criado. Nada foi conectado; peça um link seu no aplicativo.',
      account_in_use:
        'Esta conta do provedor já está conectada por outra pessoa no aplicativo. Saia da conta no provedor e use outra, ou peça que ela seja desconectada antes.',
      other_account:
        'Você entrou com uma conta diferente da que está conectada. Saia da conta no provedor e tente novamente com a conta certa.',
    },
  },
  waiting: {
    heading: 'Conectando…',
    text: 'Isso leva alguns segundos.',
    check: 'Verificar agora',
  },
  deadEnds: {
    unknown: {
      heading: 'Este link não existe',
      text: 'Talvez tenha sido cortado ao copiar. Volte ao aplicativo e comece de novo.',
    },
    opened_elsewhere: {
      heading: 'Este link foi aberto em outro navegador',
      text: 'Para proteger os seus dados, ele só funciona onde foi aberto primeiro. Vá até lá ou obtenha um link novo no aplicativo.',
    },
    used: {
      heading: 'Este link já foi usado',
      text: 'Cada link conecta uma vez. Para conectar outra coisa, obtenha um novo no aplicativo.',
    },
    expired: {
      heading: 'Este link expirou',
      text: 'Os links valem 15 minutos. Volte ao aplicativo e obtenha um novo.',
    },
    state_unknown: {
      heading: 'Este login não pertence a nenhuma conexão em andamento',
      text: 'Pode ser uma página antiga, ou uma tentativa mais recente a substituiu. Volte ao aplicativo e comece de novo.',
    },
    form_unreadable: {
      heading: 'Não foi possível ler essa escolha',
      text: 'Nada aconteceu. Volte uma página e escolha de novo.',
    },
    cancelled: {
      heading: 'Nada foi conectado',
      text: 'Você pode fechar esta página e voltar ao aplicativo.',
    },
    failed: {
      heading: 'Algo deu errado aqui',
      text: 'Nada foi conectado. Volte ao aplicativo e tente novamente em um minuto.',
    },
  },
  move: {
    heading: (from: string, to: string) => `Mudar de ${from} para ${to}`,
    text: (app: string, from: string, to: string) =>
      `${from} já não transmite dados; ${to} ocupa o seu lugar. ${app} continua a receber os seus dados assim que der o consentimento lá. O seu histórico em ${app} mantém-se.`,
    goOn: (to: string) => `Continuar para ${to}`,
    expired: 'Esta ligação expirou',
    whatNow: 'Volte à aplicação ou peça uma nova ligação ao apoio.',
  },
  language: { label: 'Idioma', change: 'Alterar' },
  kinds: {
    activity: 'Atividade e treinos',
    sleep: 'Sono',
    heart: 'Coração',
    body: 'Peso e corpo',
    nutrition: 'Comida e bebida',
    glucose: 'Glicose',
    breathing: 'Respiração e oxigênio',
    temperature: 'Temperatura',
    cycle: 'Ciclo menstrual',
    mind: 'Estresse e bem-estar mental',
    location: 'Localização',
    profile: 'Perfil',
    plans: 'Envia treinos ao seu dispositivo',
  },
}
