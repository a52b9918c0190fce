import { test } from 'tap'
import { ConfigError, loadConfig } from '../src/config.ts'

function mistakes(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes
    throw error
  }
}

test('nothing set is a working server', t => {
  const config = loadConfig({ PATH: '/bin', HOME: '/root' })
  t.strictSame(config, {
    host: '127.0.0.1',
    port: 8080,
    dataDir: './data',
    buckets: ['uploads'],
    doors: ['ucloud', 'gws', 'dxl'],
    dxl: {
      topics: ['/opendxl-file-transfer/service/file-transfer/file/store'],
      bucket: 'uploads',
      segmentLimit: 1024 ** 2,
      mqtt: undefined,
    },
    gws: {
      bucket: 'uploads',
      folder: 'gws/',
      prefixes: ['/_', '/gws/_'],
      chunkCommands: ['uploadChunk'],
      bodyLimit: 16 * 1024 ** 2,
    },
    publicUrl: undefined,
    trustProxy: false,
    durability: 'chunk',
    sessionTtlMs: 48 * 3_600_000,
    tombstoneTtlMs: 7 * 86_400_000,
    bodyIdleMs: 60_000,
    bufferBytes: 128 * 1024 ** 2,
    md5: true,
    maxObjectSize: 5 * 1024 ** 4,
    reserveBytes: undefined,
    requestRate: undefined,
    chunkRate: undefined,
    maxBodies: 1000,
    maxSessions: 1_000_000,
    minRate: 128,
    auth: 'none',
    keysFile: 'data/keys.json',
    drainMs: 10_000,
    ucloud: { provider: 'ucloud', drives: undefined },
    logLevel: 'info',
    faults: false,
  })
  t.ok(Object.isFrozen(config))
  t.end()
})

test('everything set', t => {
  t.match(
    loadConfig({
      TIDEMARK_HOST: '0.0.0.0',
      TIDEMARK_AUTH: 'keys',
      TIDEMARK_KEYS_FILE: '/etc/tidemark/keys.json',
      TIDEMARK_PORT: '0',
      TIDEMARK_DATA_DIR: '/srv/data',
      TIDEMARK_BUCKETS: 'one,two.three',
      TIDEMARK_DOORS: 'dxl,gws',
      TIDEMARK_DXL_BUCKET: 'transfers',
      TIDEMARK_DXL_TOPICS: '/a/b,/c',
      TIDEMARK_DXL_SEGMENT_LIMIT: '2MiB',
      TIDEMARK_DXL_MQTT_PORT: '8883',
      TIDEMARK_DXL_MQTT_BROKER: 'mqtts://b:1',
      TIDEMARK_DXL_MQTT_KEY: 'key.pem',
      TIDEMARK_DXL_MQTT_CERT: 'cert.pem',
      TIDEMARK_DXL_MQTT_CA: 'ca.pem',
      TIDEMARK_GWS_BUCKET: 'from-gws',
      TIDEMARK_GWS_FOLDER: '',
      TIDEMARK_GWS_PREFIXES: '/gws/app-1/_',
      TIDEMARK_GWS_CHUNK_COMMANDS: 'myUpload,uploadChunk',
      TIDEMARK_GWS_BODY_LIMIT: '10MiB',
      TIDEMARK_PUBLIC_URL: 'https://up.example.org/base/',
      TIDEMARK_TRUST_PROXY: '10.0.0.1,192.168.0.0/16',
      TIDEMARK_DURABILITY: 'object',
      TIDEMARK_SESSION_TTL: '30m',
      TIDEMARK_TOMBSTONE_TTL: '1h',
      TIDEMARK_BODY_IDLE: '1500ms',
      TIDEMARK_BUFFERS: '8MiB',
      TIDEMARK_MD5: 'off',
      TIDEMARK_MAX_OBJECT_SIZE: '1000',
      TIDEMARK_RESERVE: '0B',
      TIDEMARK_RATE_LIMIT: '100/s',
      TIDEMARK_RATE_LIMIT_CHUNKS: '3000/m',
      TIDEMARK_MAX_BODIES: '5',
      TIDEMARK_MAX_SESSIONS: '6',
      TIDEMARK_MIN_RATE: '1KiB',
      TIDEMARK_DRAIN: '1m',
      TIDEMARK_UCLOUD_PROVIDER: 'my-site',
      TIDEMARK_UCLOUD_DRIVES: '1=one,7=media/in/coming',
      TIDEMARK_LOG_LEVEL: 'silent',
    }),
    {
      host: '0.0.0.0',
      port: 0,
      dataDir: '/srv/data',
      buckets: ['one', 'two.three'],
      doors: ['dxl', 'gws'],
      dxl: {
        topics: ['/a/b', '/c'],
        bucket: 'transfers',
        segmentLimit: 2 * 1024 ** 2,
        mqtt: { port: 8883, broker: 'mqtts://b:1', key: 'key.pem', cert: 'cert.pem', ca: 'ca.pem' },
      },
      gws: {
        bucket: 'from-gws',
        folder: '',
        prefixes: ['/gws/app-1/_'],
        chunkCommands: ['myUpload', 'uploadChunk'],
        bodyLimit: 10 * 1024 ** 2,
      },
      publicUrl: 'https://up.example.org/base',
      trustProxy: '10.0.0.1,192.168.0.0/16',
      durability: 'object',
      sessionTtlMs: 1_800_000,
      tombstoneTtlMs: 3_600_000,
      bodyIdleMs: 1500,
      bufferBytes: 8 * 1024 ** 2,
      md5: false,
      maxObjectSize: 1000,
      reserveBytes: 0,
      requestRate: { count: 100, perMs: 1000 },
      chunkRate: { count: 3000, perMs: 60_000 },
      maxBodies: 5,
      maxSessions: 6,
      minRate: 1024,
      auth: 'keys',
      keysFile: '/etc/tidemark/keys.json',
      drainMs: 60_000,
      ucloud: {
        provider: 'my-site',
        drives: {
          1: { bucket: 'one', prefix: '' },
          7: { bucket: 'media', prefix: 'in/coming' },
        },
      },
      logLevel: 'silent',
    },
  )
  t.equal(loadConfig({ TIDEMARK_TRUST_PROXY: 'on' }).trustProxy, true)
  for (const proxies of ['10.0.0', '10.0.0.1/33', '::1/129', '10.0.0.1,', '10.0.0.1/8/8', '']) {
    t.equal(mistakes({ TIDEMARK_TRUST_PROXY: proxies }).length, 1, proxies)
  }
  t.equal(loadConfig({ TIDEMARK_DATA_DIR: '/srv' }).keysFile, '/srv/keys.json')
  t.strictSame(loadConfig({ TIDEMARK_BUCKETS: '' }).buckets, [])
  for (const drives of [
    '',
    '1',
    '1=X',
    '1=bkt,1=other',
    '1=bkt/',
    '1=bkt/../x',
    '1=bkt,',
    'x=bkt',
  ]) {
    t.equal(mistakes({ TIDEMARK_UCLOUD_DRIVES: drives }).length, 1, drives)
  }
  t.end()
})

test('all doors but one can be switched off', t => {
  t.strictSame(loadConfig({ TIDEMARK_DOORS: 'none' }).doors, [])
  t.strictSame(loadConfig({ TIDEMARK_DOORS: 'gws' }).doors, ['gws'])
  t.end()
})

test('doors publish into the first bucket, unless told otherwise', t => {
  const { gws, dxl } = loadConfig({ TIDEMARK_BUCKETS: 'one,two', TIDEMARK_DXL_BUCKET: 'three' })
  t.equal(gws.bucket, 'one')
  t.equal(dxl.bucket, 'three')
  t.end()
})

test('each wrong value is named, with what would be accepted', t => {
  const wrong = {
    TIDEMARK_HOST: ['', 'a host name or IP address to listen on'],
    TIDEMARK_PORT: ['70000', 'a port from 0 (any free one) to 65535'],
    TIDEMARK_DATA_DIR: ['', 'a directory'],
    TIDEMARK_BUCKETS: ['uploads,X', 'a list of bucket names'],
    TIDEMARK_DOORS: ['gws,tus', 'none, or some of ucloud, gws, dxl'],
    TIDEMARK_DXL_BUCKET: ['a,b', 'the name of a bucket'],
    TIDEMARK_DXL_TOPICS: ['/a,/mcafee/client/x', 'a list of topics like /service/file/store'],
    TIDEMARK_DXL_SEGMENT_LIMIT: ['1KiB', 'a size from 64KiB to 16MiB'],
    TIDEMARK_DXL_MQTT_PORT: ['70000', 'a port from 0 (any free one) to 65535'],
    TIDEMARK_DXL_MQTT_BROKER: ['mqtt://b:1', 'a URL like mqtts://broker.example.org:8883'],
    TIDEMARK_DXL_MQTT_KEY: ['', 'the path of a PEM file'],
    TIDEMARK_DXL_MQTT_CERT: ['', 'the path of a PEM file'],
    TIDEMARK_DXL_MQTT_CA: ['', 'the path of a PEM file'],
    TIDEMARK_GWS_BUCKET: ['one,two', 'the name of a bucket'],
    TIDEMARK_GWS_FOLDER: ['../', 'the beginning of names'],
    TIDEMARK_GWS_PREFIXES: ['/uploads', 'a list of paths that end with /_'],
    TIDEMARK_GWS_CHUNK_COMMANDS: ['myUpload,uploadGet', 'a list of names'],
    TIDEMARK_GWS_BODY_LIMIT: ['1KiB', 'a size from 64KiB to 64MiB'],
    TIDEMARK_PUBLIC_URL: ['up.example.org', 'a URL like https://uploads.example.org'],
    TIDEMARK_TRUST_PROXY: ['yes', 'on, off, or the addresses of trusted proxies'],
    TIDEMARK_DURABILITY: ['full', 'chunk, object or none'],
    TIDEMARK_SESSION_TTL: ['7d', 'a duration from 30m to 48h'],
    TIDEMARK_TOMBSTONE_TTL: ['soon', 'a duration from 1h to 365d'],
    TIDEMARK_BODY_IDLE: ['60', 'a duration from 1s to 1h'],
    TIDEMARK_BUFFERS: ['1MiB', 'a size from 8MiB to 64GiB'],
    TIDEMARK_MD5: ['true', 'on or off'],
    TIDEMARK_MAX_OBJECT_SIZE: ['6TiB', 'a size from 1B to 5TiB'],
    TIDEMARK_RESERVE: ['5%', 'a size from 0B to 5TiB'],
    TIDEMARK_RATE_LIMIT: ['0/s', 'off, or a rate like 100/s'],
    TIDEMARK_RATE_LIMIT_CHUNKS: ['10', 'off, or a rate like 100/s'],
    TIDEMARK_MAX_BODIES: ['0', 'a number from 1 to 1000000'],
    TIDEMARK_MAX_SESSIONS: ['many', 'a number from 1 to 1000000000'],
    TIDEMARK_MIN_RATE: ['2MiB', 'a size from 0B (any rate) to 1MiB'],
    TIDEMARK_AUTH: ['token', 'none or keys'],
    TIDEMARK_KEYS_FILE: ['', 'a file'],
    TIDEMARK_DRAIN: ['0s', 'a duration from 1s to 10m'],
    TIDEMARK_UCLOUD_PROVIDER: ['a/b', "a provider's id"],
    TIDEMARK_UCLOUD_DRIVES: ['home=uploads', 'a list like 1=uploads,2=media/incoming'],
    TIDEMARK_LOG_LEVEL: ['loud', 'trace, debug, info, warn, error, fatal or silent'],
    TIDEMARK_FAULTS: ['yes', 'on or off'],
  }
  for (const [name, [value = '', accepted = '']] of Object.entries(wrong)) {
    const [mistake = '', ...more] = mistakes({ [name]: value })
    t.ok(mistake.startsWith(`${name}=${JSON.stringify(value)} is not ${accepted}`), mistake)
    t.strictSame(more, [])
  }
  t.end()
})

test('all mistakes at once, unknown settings among them', t => {
  const found = mistakes({
    TIDEMARK_PORT: 'x',
    TIDEMARK_SESSION_TTL: '29m',
    TIDEMARK_DATADIR: '/srv',
    TIDEMARK_HOST: '0.0.0.0',
    OTHER: 'x',
  })
  t.equal(found.length, 4)
  t.match(found.join('\n'), 'TIDEMARK_DATADIR is not a setting; these are: TIDEMARK_HOST, ')
  t.match(found.join('\n'), 'set TIDEMARK_AUTH=keys, set TIDEMARK_AUTH=none if that is meant')
  t.end()
})

test('MQTT is off, or has its port and all three files', t => {
  const key = { TIDEMARK_DXL_MQTT_KEY: 'key.pem' }
  const found = mistakes({ ...key, TIDEMARK_DXL_MQTT_PORT: '8883', TIDEMARK_PORT: 'x' })
  t.equal(found.length, 3)
  t.match(found.join('\n'), 'TIDEMARK_DXL_MQTT_CERT is not set')
  t.match(found.join('\n'), 'TIDEMARK_DXL_MQTT_CA is not set')
  t.equal(mistakes({ ...key, TIDEMARK_DXL_MQTT_BROKER: 'mqtts://b:1' }).length, 2)
  const [mistake, ...more] = mistakes(key)
  t.match(mistake, 'TIDEMARK_DXL_MQTT_KEY is for MQTT: set TIDEMARK_DXL_MQTT_PORT, too')
  t.strictSame(more, [])
  for (const topics of ['', 'a', '/a/', '/a//b', '/a/*', '/a/:b', '/a,', '/mcafee/client/x']) {
    t.equal(mistakes({ TIDEMARK_DXL_TOPICS: topics }).length, 1, topics)
  }
  t.end()
})

test('only loopback is open without saying so', t => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) {
    t.strictSame(mistakes({ TIDEMARK_HOST: host }), [], host)
  }
  for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.org', '127.example.org']) {
    t.equal(mistakes({ TIDEMARK_HOST: host }).length, 1, host)
    for (const auth of ['none', 'keys']) {
      t.strictSame(mistakes({ TIDEMARK_HOST: host, TIDEMARK_AUTH: auth }), [], host)
    }
  }
  t.end()
})

test('faults are for loopback, whoever says what', t => {
  t.equal(loadConfig({ TIDEMARK_FAULTS: 'on' }).faults, true)
  t.equal(loadConfig({ TIDEMARK_FAULTS: 'on', TIDEMARK_HOST: '::1' }).faults, true)
  const [mistake, ...more] = mistakes({
    TIDEMARK_FAULTS: 'on',
    TIDEMARK_HOST: '0.0.0.0',
    TIDEMARK_AUTH: 'none',
  })
  t.match(mistake, 'turn it off, or listen on 127.0.0.1')
  t.strictSame(more, [])
  t.end()
})
