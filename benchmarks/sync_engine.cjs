// node sync_engine.cjs DATABASE_URL SECRET FILE IN_FLIGHT: how many webhooks a second @supabase/stripe-sync-engine
// checks and writes, in process. FILE has a JSON array of body and signature a line; the first tenth is not counted.
const { readFileSync } = require('node:fs')
const { StripeSync, runMigrations } = require('@supabase/stripe-sync-engine')

async function main([url, secret, file, inFlight]) {
  await runMigrations({ databaseUrl: url, schema: 'stripe', logger: { info() {}, error(why) { throw why } } })
  const sync = new StripeSync({
    poolConfig: { connectionString: url, max: 20 },
    stripeSecretKey: 'sk_test_never_used',
    stripeWebhookSecret: secret,
    autoExpandLists: false,
    backfillRelatedEntities: false,
  })
  const events = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line))
  const first = Math.floor(events.length / 10)
  let next = 0
  const work = async (end) => {
    while (next < end) await sync.processWebhook(...events[next++])
  }
  const all = (end) => Promise.all(Array.from({ length: Number(inFlight) }, () => work(end)))
  await all(first)
  const begun = performance.now()
  await all(events.length)
  console.log(((events.length - first) / (performance.now() - begun)) * 1000)
  process.exit(0)
}

main(process.argv.slice(2))
