import type { Messages } from './en.ts'

export const JA: Messages = {
  steps: { label: '進行状況', choose: '選択', login: 'ログイン', done: '完了' },
  choose: {
    heading: 'デバイスを連携',
    intro: (app) => `${app} は、あなたが共有を選んだ健康・活動データの受け取りを求めています。`,
    account: '連携先のアカウント:',
    notYours: 'ご自分のアカウントではない場合は、続けずにこのページを閉じてください。',
    login: (app) =>
      `ログインはプロバイダーのページで行います。${app} がパスワードを見ることはありません。`,
    what: (app) => `${app} が受け取るもの`,
    agree: (app) =>
      `プロバイダーを選ぶと、連携を解除するまでこれらのデータが ${app} に送られることに同意したことになります。`,
    providersDiffer: '実際に送られる内容は、プロバイダーとそこでの許可によって異なります。',
    search: 'プロバイダーを検索',
    searchButton: '検索',
    results: (count) => `見つかったプロバイダー: ${count}`,
    noResults: 'その名前のプロバイダーはありません。',
    showAll: 'すべて表示',
    none: (app) =>
      `${app} にはまだ選べるデバイスがありません。アプリに戻り、サポートにお知らせください。`,
    notNow: '今はしない（戻る）',
    back: '戻る',
    canStop: '連携は、アプリまたはプロバイダーでいつでも解除できます。',
    connected: '連携済み',
    broken: '再連携してください',
    leaving: (provider) => `${provider} へ移動中…`,
    manage: (count) => `連携中のサービス (${count})`,
  },
  connections: {
    heading: '連携中のサービス',
    intro: (app) => `次のサービスが ${app} にデータを送信しています。`,
    none: '連携中のサービスはありません。',
    since: (date) => `${date} から連携中`,
    working: '正常',
    broken: 'プロバイダーからデータが届かなくなりました。再連携してください。',
    reconnect: (provider) => `${provider} と再連携`,
    disconnect: (provider) => `${provider} との連携を解除`,
    consequence: (app, provider) =>
      `${app} は ${provider} から新しいデータを受け取らなくなります。受け取り済みのデータは ${app} に残ります。`,
    confirm: (provider) => `はい、${provider} との連携を解除します`,
    gone: (provider) => `${provider} との連携を解除しました。`,
    another: '別のデバイスを連携',
  },
  ended: {
    connected: (provider) => `${provider} と連携しました`,
    failed: (provider) => `${provider} とは連携していません`,
    close: 'このページを閉じて、アプリに戻ってください。',
    nothingShared: '何も共有されていません。このページを閉じて、アプリに戻ってください。',
    retry: (provider) => `${provider} でもう一度試す`,
    keepOn: '次の項目をオンのままにしてください:',
    otherReason: (reason) => `プロバイダーの応答: 「${reason}」`,
    reasons: {
      access_denied: 'データを共有しないことを選びました。いつでも変更できます。',
      auth_cancelled: '連携が完了する前に戻りました。',
      expired: '時間内に連携が完了しませんでした。もう一度お試しください。',
      missing_scopes:
        'アプリに必要な許可がオフになっていました。オンのままもう一度お試しください。',
      provider_unavailable: 'プロバイダーに接続できませんでした。数分後にもう一度お試しください。',
      client_misconfigured:
        'プロバイダー側でのアプリの設定に誤りがあります。アプリのサポートによる修正が必要で、再試行しても解決しません。',
      interrupted: '連携が中断されました。もう一度お試しください。',
      not_confirmed:
        'アプリが時間内に連携を完了しませんでした。アプリに戻ってもう一度お試しください。',
      other_end_user:
        'このリンクの対象となる方とは別の人としてアプリにログインしています。連携は行われていません。アプリでご自身のリンクを取得してください。',
      account_in_use:
        'このプロバイダーのアカウントは、アプリの別の利用者がすでに連携しています。プロバイダーからログアウトして別のアカウントを使うか、先にその連携を解除してもらってください。',
      other_account:
        '連携されているものとは別のアカウントでログインしました。プロバイダーからログアウトし、正しいアカウントでもう一度お試しください。',
    },
  },
  waiting: {
    heading: '連携しています…',
    text: '数秒かかります。',
    check: '今すぐ確認',
  },
  deadEnds: {
    unknown: {
      heading: 'このリンクは存在しません',
      text: 'コピーの際に途切れた可能性があります。アプリに戻って最初からやり直してください。',
    },
    opened_elsewhere: {
      heading: 'このリンクは別のブラウザーで開かれています',
      text: 'データ保護のため、最初に開いた場所でのみ使えます。そちらで続けるか、アプリで新しいリンクを取得してください。',
    },
    used: {
      heading: 'このリンクは使用済みです',
      text: 'リンクは一度だけ使えます。ほかのものを連携するには、アプリで新しいリンクを取得してください。',
    },
    expired: {
      heading: 'このリンクは期限切れです',
      text: 'リンクの有効期間は 15 分です。アプリに戻って新しいリンクを取得してください。',
    },
    state_unknown: {
      heading: 'このログインは進行中の連携のものではありません',
      text: '古いページか、新しい試行に置き換えられた可能性があります。アプリに戻って最初からやり直してください。',
    },
    form_unreadable: {
      heading: '選択を読み取れませんでした',
      text: '何も変更されていません。前のページに戻って選び直してください。',
    },
    cancelled: {
      heading: '何も連携されていません',
      text: 'このページを閉じて、アプリに戻ってください。',
    },
    failed: {
      heading: '問題が発生しました',
      text: '何も連携されていません。アプリに戻り、1 分後にもう一度お試しください。',
    },
  },
  move: {
    heading: (from: string, to: string) => `${from}から${to}に移行`,
    text: (app: string, from: string, to: string) =>
      `${from}はデータの提供を終了し、${to}に引き継がれます。${to}で同意すると、${app}は引き続きデータを受け取ります。${app}のこれまでの履歴はそのまま残ります。`,
    goOn: (to: string) => `${to}に進む`,
    expired: 'このリンクは期限切れです',
    whatNow: 'アプリに戻るか、サポートに新しいリンクを依頼してください。',
  },
  language: { label: '言語', change: '変更' },
  kinds: {
    activity: '活動とワークアウト',
    sleep: '睡眠',
    heart: '心臓',
    body: '体重と体組成',
    nutrition: '食事と水分',
    glucose: '血糖値',
    breathing: '呼吸と酸素',
    temperature: '体温',
    cycle: '月経周期',
    mind: 'ストレスとメンタル',
    location: '位置情報',
    profile: 'プロフィール',
    plans: 'デバイスへワークアウトを送信',
  },
}
