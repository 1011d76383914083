import type { Messages } from './en.ts'

/** Names in other scripts keep their own direction, with the signs at their ends (Unicode isolates). */
const name = (text: string): string => `\u2068${text}\u2069`

export const AR: Messages = {
  steps: { label: 'التقدم', choose: 'الاختيار', login: 'تسجيل الدخول', done: 'تم' },
  choose: {
    heading: 'اربط جهازك',
    intro: (app) => `يطلب ${name(app)} استلام بيانات الصحة والنشاط التي تختار مشاركتها.`,
    account: 'أنت تربط للحساب',
    notYours: 'أليس هذا حسابك؟ إذًا لا تتابع وأغلق هذه الصفحة.',
    login: (app) => `تسجّل الدخول لدى مزوّد الخدمة نفسه، ولا يرى ${name(app)} كلمة مرورك أبدًا.`,
    what: (app) => `ما الذي يستلمه ${name(app)}`,
    agree: (app) =>
      `باختيارك مزوّدًا توافق على أن يرسل هذه البيانات إلى ${name(app)} إلى أن تلغي الربط.`,
    providersDiffer: 'يعتمد ما يُرسل منها على المزوّد وعلى ما تسمح به لديه.',
    search: 'ابحث عن مزوّد',
    searchButton: 'بحث',
    results: (count) => `عدد المزوّدين: ${count}`,
    noResults: 'لا يوجد مزوّد بهذا الاسم.',
    showAll: 'عرض الكل',
    none: (app) =>
      `لا توجد لدى ${name(app)} أجهزة للاختيار بعد. يُرجى العودة إلى التطبيق وإبلاغ الدعم.`,
    notNow: 'ليس الآن، رجوع',
    back: 'رجوع',
    canStop: 'يمكنك إلغاء الربط في أي وقت، من التطبيق أو لدى المزوّد.',
    connected: 'مرتبط',
    broken: 'يُرجى إعادة الربط',
    leaving: (provider) => `الانتقال إلى ${name(provider)}…`,
    manage: (count) => `ارتباطاتي (${count})`,
  },
  connections: {
    heading: 'ارتباطاتي',
    intro: (app) => `هذه ترسل البيانات إلى ${name(app)}.`,
    none: 'لا يوجد أي ارتباط.',
    since: (date) => `مرتبط منذ ${date}`,
    working: 'يعمل',
    broken: 'لم يعد المزوّد يسمح بمرور البيانات. يُرجى إعادة الربط.',
    reconnect: (provider) => `إعادة ربط ${name(provider)}`,
    disconnect: (provider) => `إلغاء ربط ${name(provider)}`,
    consequence: (app, provider) =>
      `لن يستلم ${name(app)} بيانات جديدة من ${name(provider)}. ما استلمه حتى الآن يبقى لدى ${name(app)}.`,
    confirm: (provider) => `نعم، ألغِ ربط ${name(provider)}`,
    gone: (provider) => `أُلغي ربط ${name(provider)}.`,
    another: 'ربط جهاز آخر',
  },
  ended: {
    connected: (provider) => `تم ربط ${name(provider)}`,
    failed: (provider) => `لم يتم ربط ${name(provider)}`,
    close: 'يمكنك إغلاق هذه الصفحة والعودة إلى التطبيق.',
    nothingShared: 'لم تتم مشاركة أي شيء. يمكنك إغلاق هذه الصفحة والعودة إلى التطبيق.',
    retry: (provider) => `حاول مرة أخرى مع ${name(provider)}`,
    keepOn: 'أبقِ ما يلي مفعّلًا:',
    otherReason: (reason) => `أجاب المزوّد: «${reason}».`,
    reasons: {
      access_denied: 'اخترت عدم مشاركة بياناتك. يمكنك تغيير رأيك في أي وقت.',
      auth_cancelled: 'رجعت قبل اكتمال الربط.',
      expired: 'لم يكتمل الربط في الوقت المحدد. حاول مرة أخرى.',
      missing_scopes: 'كان إذن يحتاجه التطبيق معطّلًا. حاول مرة أخرى وأبقِه مفعّلًا.',
      provider_unavailable: 'تعذّر الوصول إلى المزوّد. حاول مرة أخرى بعد بضع دقائق.',
      client_misconfigured:
        'التطبيق غير مُعدّ بشكل صحيح لدى المزوّد. على فريق الدعم إصلاح ذلك، ولن تفيد إعادة المحاولة.',
      interrupted: 'انقطع الربط. حاول مرة أخرى.',
      not_confirmed: 'لم يُكمل التطبيق الربط في الوقت المحدد. ارجع إلى التطبيق وحاول مرة أخرى.',
      other_end_user:
        'أنت مسجّل الدخول في التطبيق باسم شخص آخر غير الذي أُنشئ له هذا الرابط. لم يُربط أي شيء؛ احصل على رابط خاص بك من التطبيق.',
      account_in_use:
        'هذا الحساب لدى المزوّد مربوط بالفعل من قِبل مستخدم آخر للتطبيق. سجّل الخروج لدى المزوّد واستخدم حسابًا آخر، أو اطلب فصله أولًا.',
      other_account:
        'سجّلت الدخول بحساب غير الحساب المربوط. سجّل الخروج لدى المزوّد ثم حاول مرة أخرى بالحساب الصحيح.',
    },
  },
  waiting: { heading: 'جارٍ الربط…', text: 'يستغرق ذلك بضع ثوانٍ.', check: 'تحقّق الآن' },
  deadEnds: {
    unknown: {
      heading: 'هذا الرابط غير موجود',
      text: 'ربما قُطع عند نسخه. عُد إلى التطبيق وابدأ من جديد.',
    },
    opened_elsewhere: {
      heading: 'فُتح هذا الرابط في متصفح آخر',
      text: 'لحماية بياناتك يعمل الرابط فقط حيث فُتح أولًا. انتقل إلى هناك أو احصل على رابط جديد من التطبيق.',
    },
    used: {
      heading: 'استُخدم هذا الرابط من قبل',
      text: 'كل رابط يربط مرة واحدة. لربط شيء آخر احصل على رابط جديد من التطبيق.',
    },
    expired: {
      heading: 'انتهت صلاحية هذا الرابط',
      text: 'الروابط صالحة لمدة 15 دقيقة. عُد إلى التطبيق واحصل على رابط جديد.',
    },
    state_unknown: {
      heading: 'لا ينتمي تسجيل الدخول هذا إلى عملية ربط جارية',
      text: 'ربما هي صفحة قديمة أو حلّت محلها محاولة أحدث. عُد إلى التطبيق وابدأ من جديد.',
    },
    form_unreadable: {
      heading: 'تعذّرت قراءة هذا الاختيار',
      text: 'لم يحدث شيء. ارجع صفحة واحدة واختر من جديد.',
    },
    cancelled: {
      heading: 'لم يتم ربط أي شيء',
      text: 'يمكنك إغلاق هذه الصفحة والعودة إلى التطبيق.',
    },
    failed: {
      heading: 'حدث خطأ ما هنا',
      text: 'لم يتم ربط أي شيء. عُد إلى التطبيق وحاول مرة أخرى بعد دقيقة.',
    },
  },
  move: {
    heading: (from: string, to: string) => `الانتقال من ${name(from)} إلى ${name(to)}`,
    text: (app: string, from: string, to: string) =>
      `لم يعد ${name(from)} ينقل البيانات، ويحل ${name(to)} محله. سيواصل ${name(app)} تلقي بياناتك بعد موافقتك هناك. ويبقى سجلك في ${name(app)} كما هو.`,
    goOn: (to: string) => `المتابعة إلى ${name(to)}`,
    expired: 'انتهت صلاحية هذا الرابط',
    whatNow: 'عد إلى التطبيق أو اطلب رابطًا جديدًا من الدعم.',
  },
  language: { label: 'اللغة', change: 'تغيير' },
  kinds: {
    activity: 'النشاط والتمارين',
    sleep: 'النوم',
    heart: 'القلب',
    body: 'الوزن والجسم',
    nutrition: 'الطعام والشراب',
    glucose: 'سكر الدم',
    breathing: 'التنفس والأكسجين',
    temperature: 'درجة الحرارة',
    cycle: 'الدورة الشهرية',
    mind: 'التوتر والحالة النفسية',
    location: 'الموقع',
    profile: 'الملف الشخصي',
    plans: 'يرسل تمارين إلى جهازك',
  },
}
