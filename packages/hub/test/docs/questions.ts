/** Questions as people put them, some of them oddly. */

interface Question {
  readonly question: string
  /** The sections that answer it: `page#anchor`. */
  readonly places: readonly string[]
}

export const QUESTIONS: readonly Question[] = `
user_id differs between UI and webhooks => faq#why-is-the-user_id-in-my-events-another-one-than-in-the-user-list
several user_ids for one reference_id => faq#why-does-one-reference_id-have-several-user_ids
same account under two refs => faq#what-if-the-same-provider-account-is-connected-under-two-reference_ids
shared reference_id => faq#may-several-people-share-one-reference_id
user id changed after reauth => faq#does-the-user_id-change-after-a-reconnection
new reference_id orphaned the old user => faq#i-used-a-new-reference_id-and-the-old-user-is-orphaned-what-now
connections vanish (own backend calling deauthenticate) => faq#why-do-connections-vanish-without-the-person-doing-anything
bulk deauth => faq#how-do-i-disconnect-many-users-at-once
how to detect an expired connection => faq#how-do-i-notice-that-a-connection-has-expired
silent mobile disconnect => faq#why-did-a-phones-connection-stop-without-any-event
no auth event when Apple reconnects => faq#why-is-there-no-auth-event-when-apple-health-connects-again
user_id None for Apple in the widget => faq#why-is-user_id-none-or-null-for-apple-in-the-widget
missing_scopes => faq#what-does-missing_scopes-mean
google_no_datasource => faq#what-does-google_no_datasource-mean | guides/events/google-no-datasource#
WebView blocked => faq#why-is-the-login-blocked-in-my-apps-webview
redirect does not fire => faq#why-does-the-redirect-to-my-app-not-happen
401/403 from mixed environments => faq#why-do-i-get-401-or-403
signature mismatch when several dev_ids post to one URL => faq#why-does-the-signature-not-match
504 timeouts => faq#why-do-i-see-timeouts-504-and-what-happens-to-those-events
WAF (ModSecurity) rejecting JSON => faq#my-firewall-waf-modsecurity-rejects-the-json-what-can-i-do
proxy hiding Terra's IP => faq#how-do-i-allow-the-senders-ip-address-behind-a-proxy
user cap in testing => faq#is-there-a-limit-of-users-in-testing
history not delivered on connect => faq#why-does-no-history-come-when-somebody-connects
payload URL expired => faq#why-is-the-payloads-url-expired
getUserId null after init => faq#why-does-getuserid-give-null-after-the-initialisation
my webhook gets the same thing two times, is that normal? => faq#can-an-event-come-twice
how can I tell duplicates apart => faq#can-an-event-come-twice | events#headers-of-a-delivery
do webhooks arrive in order? => faq#in-what-order-do-events-come
our server was down all weekend, did we lose anything? => faq#how-do-i-get-events-that-i-missed
how to replay old events => delivery#sending-again | faq#how-do-i-get-events-that-i-missed
the signature check keeps failing in express => faq#why-does-the-signature-not-match | receiver-frameworks#express
what do I put where express.json() is => receiver-frameworks#express | receiver#start
nextjs route handler for the webhook => receiver-frameworks#nextjs | receiver#start | migrating-from-terra-template#2-the-route
can I run the receiver on cloudflare? => receiver-frameworks#cloudflare-workers
lambda cold start and sqlite => receiver-frameworks#aws-lambda
we use django, is there something for python => receive# | receiver-frameworks#any-other-language | index#where-to-begin
how do I know which of my users a heart rate belongs to => receiver#whose-is-it | quickstart-app#4-ask-whose-it-is
what is a lineage => receiver#whose-is-it | quickstart-app#4-ask-whose-it-is
which id should be the foreign key in my tables => receiver#whose-is-it | quickstart-app#4-ask-whose-it-is
user clicked deny on the garmin page, what do we get => guides/events/auth-cancelled# | events#reasons
what happens if someone closes the popup half way => guides/events/auth-cancelled# | connect-button#attributes-and-events
do I trust the user_id in the redirect url? => receiver#after-the-redirect | events#redirects | quickstart-app#5-let-people-connect
what comes after user_reauth => guides/events/user-reauth# | events#types
should I delete data on connection_error => guides/events/connection-error# | faq#how-do-i-notice-that-a-connection-has-expired
can I test without owning a watch => faq#do-i-need-an-account-or-the-internet-to-try-it | quickstart-app#1-a-hub-to-try-it-with
how do I get events on localhost => quickstart-app#3-send-events-to-it | cli#firma-listen
how to fake an auth event => events#try-them-out | quickstart-app#3-send-events-to-it | cli#firma-trigger
is there a react component => connect-button#with-a-build | connect-page#a-button-for-your-app
open the connect page in a popup => connect-button# | connect-button#attributes-and-events | connect-page#a-button-for-your-app
change the colours and logo of the connect page => connect-page#the-connect-page
which languages does the widget speak => connect-page#the-connect-page
how long is a connect link good for => faq#why-is-the-connect-link-not-working-any-more | connect-page#the-connect-page
rate limits of the api => api#limits
429 too many requests => api#limits | errors# | tokens#calling-a-providers-api
how do I call the fitbit api with the user's token => tokens#calling-a-providers-api
give me the access token of a user => tokens#reading-a-token
idempotency key => api#sending-a-request-twice
typescript client => api#in-typescript
unit test my handler => receiver#test-your-handler | migrating-from-terra-template#5-a-test-of-your-handler
exactly once processing with postgres => receiver#exactly-once
my handler threw an exception, will it be called again => receiver#when-your-handler-fails
data arrived before the auth event => receiver#what-is-guaranteed | guides/events/data#
how do I back up => operations#backups | cli#firma-backup
restore after a crash => operations#backups | operations#shutting-down
run several instances behind a load balancer => operations#several-processes
move from sqlite to postgres => operations#from-sqlite-to-postgresql
docker => operations#in-a-container
https certificate => operations#tls-with-nginx-or-caddy
how big a server do I need => operations#how-large
health check endpoint for kubernetes => operations#watching-it
prometheus metrics => delivery#metrics | receive#health-and-metrics
rotate the signing secret without downtime => operations#keys | delivery#destinations | cli#firma-destinations-rotate-secret
rotate encryption key => operations#keys | tokens#encryption-and-changing-the-key | cli#firma-encryption-rotate
lost the encryption keys => operations#before-the-first-start
a destination got disabled, how do I switch it on => delivery#a-destination-that-fails | cli#firma-destinations-enable
how long are payloads kept => delivery#retention | faq#what-data-of-people-does-firma-keep-and-for-how-long
who changed this setting => security#the-audit-log | cli#firma-audit | api#audit-figures-and-a-live-stream
is my audit log tampered => security#the-audit-log | cli#firma-audit-verify
garmin redirect uri to register => quickstart-operator#3-providers | guides/providers/oauth#what-you-need-from-the-provider
forgot dashboard password => operations#keys
webhook to an internal ip address is refused => delivery#destinations | configuration#settings
environment variables => configuration#settings
send to the queue only some event types => delivery#what-a-destination-wants
gdpr delete request => faq#how-do-i-delete-everything-about-a-person-who-asks-to-be-forgotten
stop someone from hijacking a connect link => confirmation#confirmation | faq#what-if-somebody-finishes-a-connect-link-that-was-made-for-another-person | security#two-attacks-across-people
one fitbit account on two users, forbid it => confirmation#whose-account-it-is | faq#what-if-the-same-provider-account-is-connected-under-two-reference_ids
fitbit web api shutdown => moving-fitbit-to-google-health#
does the official terra sdk work with this => faq#does-it-work-with-terras-official-sdk
what do I have to change in my app when I leave terra => migrating-from-terra#3-new-connections-go-to-the-hub | faq#does-it-work-with-terras-official-sdk | quickstart-operator#5-give-the-app-its-credentials | api#
can I import my existing terra users => migrating-from-terra#4-people-connect-once-more | migrating-from-terra#what-is-different
what is wrong with the terra template webhook => migrating-from-terra-template#what-the-template-does-and-what-goes-wrong
auth with status error instead of auth_cancelled => events#types | configuration#environments | guides/events/auth-cancelled#
terra-reference header meaning => events#headers-of-a-delivery
does it fetch sleep data like terra does => migrating-from-terra#4-people-connect-once-more | migrating-from-terra#what-is-different | guides/events/data#
every time tony links his fitbit anew we get a fresh id, why => faq#does-the-user_id-change-after-a-reconnection | guides/events/user-reauth# | faq#why-is-the-user_id-in-my-events-another-one-than-in-the-user-list
Can two athletes use one reference id? => faq#may-several-people-share-one-reference_id
my own server seems to kick users off => faq#why-do-connections-vanish-without-the-person-doing-anything
kick out all fitbit users in one go => faq#how-do-i-disconnect-many-users-at-once | cli#firma-users-disconnect
how would I see that someone's access ran out => faq#how-do-i-notice-that-a-connection-has-expired | guides/events/expiry-warning# | guides/events/connection-error# | guides/events/access-revoked#
iphone stopped syncing and nobody told us => faq#why-did-a-phones-connection-stop-without-any-event
what to do when the user forgot to tick a box on the consent screen => faq#what-does-missing_scopes-mean | guides/events/auth-cancelled# | guides/events/permission-change#
Google says disallowed_useragent => faq#why-is-the-login-blocked-in-my-apps-webview
after login the browser stays on your page instead of returning to us => faq#why-does-the-redirect-to-my-app-not-happen
"This link has been used" - what now? => faq#why-is-the-connect-link-not-working-any-more
our cloudflare firewall blocks your posts => faq#my-firewall-waf-modsecurity-rejects-the-json-what-can-i-do
which ips do you send from => faq#how-do-i-allow-the-senders-ip-address-behind-a-proxy
my handler needs 20 seconds, is that ok => faq#why-do-i-see-timeouts-504-and-what-happens-to-those-events | guides/events/data#
is delivery guaranteed? => delivery#what-is-promised | receiver#what-is-guaranteed
how many times do you retry and for how long => delivery#attempts
can the auth event come before user_reauth => guides/events/user-reauth# | events#order | faq#in-what-order-do-events-come | guides/events/auth# | receiver-map#the-promise
how do I verify X-Terra-Signature by hand => events#headers-of-a-delivery | delivery#signatures | cli#firma-verify
what is the difference between deauth and access_revoked => faq#what-is-the-difference-between-deauth-and-access_revoked
what does degraded mean => receiver#whose-is-it | faq#how-do-i-notice-that-a-connection-has-expired | guides/events/connection-error#
change a user's reference_id => api#change-a-reference_id
list all users of one person => api#users | cli#firma-users-list
page through all users => api#users | api#for-operators
is there a dry run for the api => api#trying-a-change-without-doing-it
which status code for unknown user => errors# | api#credentials
how do I use it with Hono => receiver-frameworks#hono
does it run on deno => receiver-frameworks#bun-and-deno
receiver for a laravel app => receive# | receiver-frameworks#any-other-language
how do I get a copy of every event into my own system without a webhook => delivery#pulling
can I use mysql => faq#which-databases-does-the-hub-use
does it need redis => faq#what-do-i-have-to-install
minimum node version => faq#what-do-i-have-to-install | quickstart-app# | receiver#
how to make nginx not buffer the stream => operations#tls-with-nginx-or-caddy
sizing: events per second on postgres => operations#how-large
what if postgres goes away for a minute => operations#several-processes | errors# | operations#requests-at-once
two hubs one database => operations#several-processes
can I go back to the previous version => operations#upgrades
where are the secrets stored => configuration#the-file | faq#what-data-of-people-does-firma-keep-and-for-how-long | tokens#encryption-and-changing-the-key | operations#before-the-first-start | quickstart-operator#2-a-configuration
are tokens encrypted at rest => tokens#encryption-and-changing-the-key | faq#what-data-of-people-does-firma-keep-and-for-how-long | tokens#
how do I add an api key that can only read => api#credentials | cli#firma-keys-create | api#keys
see what a webhook answered => delivery#the-history | cli#firma-events-get | connect-page#payload-history | faq#my-firewall-waf-modsecurity-rejects-the-json-what-can-i-do
simulate garmin being down => simulator#making-things-fail | simulator#
make a fake fitbit account for testing => simulator#
does garmin sign its notifications => providers#garmin | guides/providers/oauth#what-differs-between-them | providers# | providers#garmin_oauth1
polar scopes => providers#polar
I need a provider that you don't have => adding-a-provider# | providers#what-is-not-here
do you support Peloton => providers#what-is-not-here | guides/providers/credentials#
what does the widget look like for arabic users => connect-page#the-connect-page
put our brand on it => connect-page#the-connect-page
vue component for the button => connect-button#with-a-build | connect-page#a-button-for-your-app | connect-button# | connect-button#without-a-build
user closed the popup, what event do I get => connect-button#attributes-and-events | guides/events/auth-cancelled#
mallory sends her link to victor => security#two-attacks-across-people | confirmation#confirmation | faq#what-if-somebody-finishes-a-connect-link-that-was-made-for-another-person
can firma run next to terra for a while => migrating-from-terra#2-a-hub-beside-it | migrating-from-terra# | faq#does-it-work-with-terras-official-sdk
will my users have to log in again when we switch from terra => migrating-from-terra#4-people-connect-once-more
what can terra do that firma can't => migrating-from-terra#what-is-different
does sleep data arrive by itself => migrating-from-terra#what-is-different | guides/events/data#
how long until a dead webhook is switched off => delivery#a-destination-that-fails
what's in the auth payload => events#a-successful-auth | guides/events/auth# | events#types
terminal autocompletion => cli#firma-completion
export users as csv => cli#output | cli#firma-users-list | api#find-users
exit code 3 => cli#exit-codes
where do I put the garmin client secret => quickstart-operator#3-providers | configuration#the-file | configuration#environments | api#providers | cli#firma-providers-enable | providers#using-one
someone deleted my app inside fitbit, what will I receive => guides/events/access-revoked# | events#types | faq#what-is-the-difference-between-deauth-and-access_revoked
is a webhook signed with the api key or another secret => delivery#signatures | events#headers-of-a-delivery | quickstart-app#3-send-events-to-it
how can a user see and remove his devices himself => connect-page#the-connect-page
can support staff look into a user's problems => tokens#why-is-this-connection-in-this-state | connect-page#users | cli#firma-users-explain
how do I stop sending events to an old webhook => cli#firma-destinations-disable | cli#firma-destinations-delete | delivery#destinations | delivery#a-destination-that-fails
we changed our signing secret and now everything is 401 => faq#why-does-the-signature-not-match | receiver#what-is-guaranteed | receive#several-signing-secrets | faq#why-do-i-get-401-or-403
what if two requests refresh the same token => tokens#when-tokens-are-refreshed | guides/providers/oauth#what-differs-between-them
can I embed the connect page in an iframe => faq#why-is-the-login-blocked-in-my-apps-webview | guides/providers/oauth#embedded-browsers
does the link preview in whatsapp use up the link => faq#why-is-the-connect-link-not-working-any-more
how do I preselect german => connect-page#the-connect-page
deploy on kubernetes => operations#in-a-container | operations#watching-it
disk is full => errors# | operations#watching-it | operations#how-large
user has connected garmin but no sleep shows up => guides/events/data# | migrating-from-terra#what-is-different | faq#why-does-no-history-come-when-somebody-connects | guides/events/permission-change#
what is parked data => receiver#what-is-guaranteed | guides/events/data# | receive#lookup-api | receiver#whose-is-it
mark a user as inactive by hand => api#change-a-reference_id | api#disconnect
limit which addresses users may be redirected to => api#redirects | cli#firma-redirects-add | configuration#environments
payload is bigger than 1 mb => faq#why-is-the-payloads-url-expired | guides/events/data# | delivery#bounds | api#limits
rotate keys without restarting => tokens#encryption-and-changing-the-key | operations#keys | cli#firma-encryption-rotate | cli#firma-keys-rotate
log format => configuration#settings | delivery#metrics | operations#watching-it
Why did the user_id change after somebody connected again? => faq#does-the-user_id-change-after-a-reconnection
The user_id in my webhook differs from the user_id in the user list => faq#why-is-the-user_id-in-my-events-another-one-than-in-the-user-list
I changed the reference_id and the old user is orphaned => faq#i-used-a-new-reference_id-and-the-old-user-is-orphaned-what-now
How do I erase a person who asks to be forgotten? => faq#how-do-i-delete-everything-about-a-person-who-asks-to-be-forgotten
Somebody else finished the connect link of another person => faq#what-if-somebody-finishes-a-connect-link-that-was-made-for-another-person | confirmation#confirmation
What is confirm_code? => api#confirm-who-came-back | confirmation#confirmation
What does account_in_use mean? => confirmation#whose-account-it-is | events#reasons
How do I move people from Fitbit to Google Health? => moving-fitbit-to-google-health#
How do I move from Garmin OAuth 1 to OAuth 2? => moving-garmin-to-oauth2#
How do I forward events to my machine? => quickstart-app#3-send-events-to-it | cli#firma-listen
Which systemd unit is there? => operations#as-a-service-of-the-system
How do I upgrade without losing events? => operations#upgrades
What are the exit codes of the command line? => cli#exit-codes
How do I set the base URL? => configuration#settings | configuration#production
What does the error redirect_url_refused mean? => faq#why-does-the-redirect-to-my-app-not-happen | errors#
How do I verify a signature on the command line? => cli#firma-verify
How do I use the receiver with Fastify? => receiver-frameworks#fastify
What should I do on access_revoked? => guides/events/access-revoked#
What is matchPolicy? => configuration#environments | events#which-connection-does-a-reconnection-continue
How long is an SDK token good? => api#mobile-sdks | guides/providers/mobile#how-a-connection-is-made
How do I run the receiver for a Python app? => receiver-frameworks#any-other-language | receive#
`
  .trim()
  .split('\n')
  .map((line) => {
    const [question = '', places = ''] = line.split(' => ')
    return { question, places: places.split(' | ') }
  })

/** What the documentation must say that it does not know. */
export const OTHER_QUESTIONS: readonly string[] = `
What is the capital of France?
how do I bake bread
who is the ceo of garmin
what does firma cost per month
phone number of support
which watch should I buy
is there a mobile app in the app store
how do I train a neural network on the heart rate
does it support blockchain wallets
send sms to my customers
weather tomorrow
how many users does strava have
can you write me a poem
graphql subscriptions
what is the resting heart rate of a healthy adult
how do I connect to my bank
is there a discount for students
what is the best running shoe
how do I cook pasta
when was garmin founded
does firma support voice control
can I pay with paypal
who won the champions league
how do I write a kernel module
where is your office
is there a windows desktop client
how many calories are in an apple
what is the meaning of life
how do I reset my iphone
translate this sentence to spanish
who is the president of france
book a flight to rome
how do I fix my bike
is it going to rain
recommend a restaurant
Who won the world cup in 1998?
How much does a Firma subscription cost per month?
Is there a Kubernetes operator with autoscaling?
`
  .trim()
  .split('\n')
