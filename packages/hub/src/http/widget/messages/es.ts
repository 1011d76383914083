import type { Messages } from './en.ts'

export const ES: Messages = {
  steps: { label: 'Progreso', choose: 'Elegir', login: 'Iniciar sesión', done: 'Listo' },
  choose: {
    heading: 'Conecta tu dispositivo',
    intro: (app) => `${app} pide recibir los datos de salud y actividad que decidas compartir.`,
    account: 'Vas a conectar para la cuenta',
    notYours: '¿No es tu cuenta? Entonces no sigas: cierra esta página.',
    login: (app) => `Inicias sesión en el propio proveedor; ${app} nunca ve tu contraseña.`,
    what: (app) => `Qué recibe ${app}`,
    agree: (app) =>
      `Al elegir un proveedor aceptas que envíe estos datos a ${app} hasta que lo desconectes.`,
    providersDiffer: 'Qué se envía depende del proveedor y de lo que permitas allí.',
    search: 'Buscar proveedores',
    searchButton: 'Buscar',
    results: (count) => `Proveedores encontrados: ${count}`,
    noResults: 'Ningún proveedor se llama así.',
    showAll: 'Mostrar todos',
    none: (app) =>
      `${app} todavía no ofrece dispositivos. Vuelve a la aplicación y avisa a su equipo de asistencia.`,
    notNow: 'Ahora no, volver',
    back: 'Volver',
    canStop: 'Puedes desconectar cuando quieras, en la aplicación o en el proveedor.',
    connected: 'Conectado',
    broken: 'Vuelve a conectar',
    leaving: (provider) => `Abriendo ${provider}…`,
    manage: (count) => `Mis conexiones (${count})`,
  },
  connections: {
    heading: 'Mis conexiones',
    intro: (app) => `Estas conexiones envían datos a ${app}.`,
    none: 'No hay nada conectado.',
    since: (date) => `Conectado desde el ${date}`,
    working: 'Funciona',
    broken: 'El proveedor ya no deja pasar datos. Vuelve a conectar.',
    reconnect: (provider) => `Volver a conectar ${provider}`,
    disconnect: (provider) => `Desconectar ${provider}`,
    consequence: (app, provider) =>
      `${app} no recibirá más datos de ${provider}. Lo que ya ha recibido se queda en ${app}.`,
    confirm: (provider) => `Sí, desconectar ${provider}`,
    gone: (provider) => `${provider} está desconectado.`,
    another: 'Conectar otro dispositivo',
  },
  ended: {
    connected: (provider) => `${provider} está conectado`,
    failed: (provider) => `${provider} no está conectado`,
    close: 'Puedes cerrar esta página y volver a la aplicación.',
    nothingShared: 'No se ha compartido nada. Puedes cerrar esta página y volver a la aplicación.',
    retry: (provider) => `Intentar de nuevo con ${provider}`,
    keepOn: 'Deja esto activado:',
    otherReason: (reason) => `El proveedor respondió «${reason}».`,
    reasons: {
      access_denied:
        'Has decidido no compartir tus datos. Puedes cambiar de opinión cuando quieras.',
      auth_cancelled: 'Volviste atrás antes de terminar la conexión.',
      expired: 'La conexión no se terminó a tiempo. Inténtalo de nuevo.',
      missing_scopes:
        'Un permiso que la aplicación necesita estaba desactivado. Inténtalo de nuevo y déjalo activado.',
      provider_unavailable:
        'No se pudo contactar con el proveedor. Inténtalo de nuevo en unos minutos.',
      client_misconfigured:
        'La aplicación no está bien configurada en el proveedor. Tiene que arreglarlo su equipo de asistencia; intentarlo de nuevo no ayuda.',
      interrupted: 'La conexión se interrumpió. Inténtalo de nuevo.',
      not_confirmed:
        'La aplicación no completó la conexión a tiempo. Vuelve a la aplicación e inténtalo de nuevo.',
      other_end_user:
        'En la aplicación has iniciado sesión como otra persona distinta de aquella para la que se creó este enlace. No se ha conectado nada; pide tu propio enlace en la aplicación.',
      account_in_use:
        'Esta cuenta del proveedor ya está conectada por otra persona en la aplicación. Cierra la sesión en el proveedor y usa otra cuenta, o haz que la desconecten antes.',
      other_account:
        'Has entrado con una cuenta distinta de la que está conectada. Cierra la sesión en el proveedor e inténtalo de nuevo con la cuenta correcta.',
    },
  },
  waiting: {
    heading: 'Conectando…',
    text: 'Tarda unos segundos.',
    check: 'Comprobar ahora',
  },
  deadEnds: {
    unknown: {
      heading: 'Este enlace no existe',
      text: 'Puede que se cortara al copiarlo. Vuelve a la aplicación y empieza de nuevo.',
    },
    opened_elsewhere: {
      heading: 'Este enlace se abrió en otro navegador',
      text: 'Para proteger tus datos, solo funciona donde se abrió primero. Ve allí o consigue un enlace nuevo en la aplicación.',
    },
    used: {
      heading: 'Este enlace ya se ha usado',
      text: 'Cada enlace conecta una vez. Para conectar otra cosa, consigue uno nuevo en la aplicación.',
    },
    expired: {
      heading: 'Este enlace ha caducado',
      text: 'Los enlaces valen 15 minutos. Vuelve a la aplicación y consigue uno nuevo.',
    },
    state_unknown: {
      heading: 'Este inicio de sesión no corresponde a ninguna conexión en curso',
      text: 'Puede ser una página antigua, o un intento más reciente la ha sustituido. Vuelve a la aplicación y empieza de nuevo.',
    },
    form_unreadable: {
      heading: 'No se pudo leer esa elección',
      text: 'No ha pasado nada. Vuelve a la página anterior y elige otra vez.',
    },
    cancelled: {
      heading: 'No se ha conectado nada',
      text: 'Puedes cerrar esta página y volver a la aplicación.',
    },
    failed: {
      heading: 'Algo ha fallado aquí',
      text: 'No se ha conectado nada. Vuelve a la aplicación e inténtalo de nuevo en un minuto.',
    },
  },
  move: {
    heading: (from: string, to: string) => `Pasar de ${from} a ${to}`,
    text: (app: string, from: string, to: string) =>
      `${from} ya no transmite datos; ${to} ocupa su lugar. ${app} seguirá recibiendo tus datos cuando lo aceptes allí. Tu historial en ${app} se conserva.`,
    goOn: (to: string) => `Continuar a ${to}`,
    expired: 'Este enlace ha caducado',
    whatNow: 'Vuelve a la aplicación o pide un enlace nuevo a su soporte.',
  },
  language: { label: 'Idioma', change: 'Cambiar' },
  kinds: {
    activity: 'Actividad y entrenamientos',
    sleep: 'Sueño',
    heart: 'Corazón',
    body: 'Peso y cuerpo',
    nutrition: 'Comida y bebida',
    glucose: 'Glucosa',
    breathing: 'Respiración y oxígeno',
    temperature: 'Temperatura',
    cycle: 'Ciclo menstrual',
    mind: 'Estrés y bienestar mental',
    location: 'Ubicación',
    profile: 'Perfil',
    plans: 'Envía entrenamientos a tu dispositivo',
  },
}
