import { test } from 'tap'
import { parse } from 'yaml'
import { startServer, type TestServer } from '../support/server.ts'

/** What a page loads: in its attributes, and of a style sheet. */
function referencesOf(text: string): string[] {
  const found = text.matchAll(/(?:src|href)="([^"]+)"|url\(([^)"']+)\)/g)
  return [...found].map(([, attribute, url]) => attribute ?? url ?? '')
}

async function status(server: TestServer, path: string): Promise<number> {
  return (await server.ask(`GET ${path}`)).status
}

test('the file is served with the address that the client used', async t => {
  const server = await startServer(t)
  const answer = await server.ask('GET /-/openapi.yaml')
  t.equal(answer.status, 200)
  t.equal(answer.headers['content-type'], 'application/yaml')
  const document = parse(answer.text)
  t.equal(document.openapi, '3.1.0')
  t.same(document.servers, [{ url: server.base, description: 'This server' }])
  const head = await server.ask('HEAD /-/openapi.yaml')
  t.equal(head.status, 200)
  t.equal(head.headers['content-length'], answer.headers['content-length'])
})

test('behind a proxy it is the address of the proxy', async t => {
  const publicUrl = 'https://uploads.example.org/files'
  const behind = await startServer(t, { publicUrl })
  t.equal(parse((await behind.ask('GET /-/openapi.yaml')).text).servers[0].url, publicUrl)
  t.equal((await behind.ask('GET /-/docs/json')).json().servers[0].url, publicUrl)

  const other = { testdir: () => `${behind.directory}/other`, teardown: t.teardown.bind(t) }
  const trusting = await startServer(other, { trustProxy: '127.0.0.1' })
  const headers = { 'X-Forwarded-Proto': 'https', 'X-Forwarded-Host': 'a.example.org' }
  const answers = [
    parse((await trusting.ask('GET /-/openapi.yaml', headers)).text),
    (await trusting.ask('GET /-/docs/json', headers)).json(),
  ]
  for (const { servers } of answers) t.equal(servers[0].url, 'https://a.example.org')
})

test('the page and everything it refers to are here, whatever a proxy puts before its path', async t => {
  const server = await startServer(t)
  const bare = await server.ask('GET /-/docs')
  t.equal(bare.status, 302)
  t.equal(bare.headers['location'], 'docs/', 'relative')
  const page = await server.ask('GET /-/docs/')
  t.equal(page.status, 200)
  t.match(page.headers['content-type'], 'text/html')
  t.match(page.headers['content-security-policy'], "default-src 'none'; script-src 'self';")
  t.notMatch(page.headers['content-security-policy'], /https?:|upgrade-insecure/)

  const assets = referencesOf(page.text)
  t.ok(assets.length >= 6, 'scripts, styles and icons')
  for (const asset of assets) {
    t.match(asset, /^\.\//, `${asset} is relative`)
    t.equal(await status(server, new URL(asset, 'http://x/-/docs/').pathname), 200, asset)
  }
  for (const sheet of assets.filter(asset => asset.endsWith('.css'))) {
    const { text } = await server.ask(`GET /-/docs/${sheet.slice(2)}`)
    t.same(
      referencesOf(text).filter(url => !url.startsWith('data:')),
      [],
      `${sheet} loads no more`,
    )
  }
  const script = (await server.ask('GET /-/docs/static/swagger-initializer.js')).text
  t.match(script, "resolveUrl('./json')")
  t.match(script, 'validatorUrl: null', 'nobody is told of the document')
  t.notMatch(page.text + script, /https?:\/\/(?!stackoverflow)/)
})

test('the page shows the document', async t => {
  const server = await startServer(t)
  const shown = (await server.ask('GET /-/docs/json')).json()
  const { servers, ...file } = parse((await server.ask('GET /-/openapi.yaml')).text)
  t.same(shown, { ...file, servers: [{ url: servers[0].url }] })
})

test('HEAD, other methods, what is not there, and connections that go on', async t => {
  const server = await startServer(t)
  const wire = await server.connect()
  const ask = async (line: string, isHead = false) => {
    wire.head(line)
    return wire.response(isHead)
  }
  const head = await ask('HEAD /-/docs/', true)
  t.equal(head.status, 200)
  t.match(head.headers['content-type'], 'text/html')
  t.equal((await ask('GET /-/docs/nothing')).status, 404)
  t.equal((await ask('GET /-/docs/static/../../package.json')).status, 404)
  t.equal((await ask('GET /-/docs/static/..%2f..%2fpackage.json')).status, 404)
  t.equal((await ask('POST /-/docs/')).status, 404)
  t.equal((await ask('GET /-/docs/')).status, 200, 'on the same connection')
  wire.close()
})

test('with keys both are open: they say nothing of what is stored', async t => {
  const directory = t.testdir({ 'keys.json': '{"keys": []}' })
  const own = { testdir: () => `${directory}/server`, teardown: t.teardown.bind(t) }
  const server = await startServer(own, { auth: 'keys', keysFile: `${directory}/keys.json` })
  t.equal(await status(server, '/-/openapi.yaml'), 200)
  t.equal(await status(server, '/-/docs/'), 200)
})
