import { test } from 'tap'
import { decode, MalformedEncoding, Query } from '../../src/http/query.ts'
import { routingUrl } from '../../src/http/routing.ts'

test('a query is decoded where someone asks', t => {
  const query = new Query('name=a%2Fb+c&empty=&bare&name=second&bad=%ZZ&utf=%FF&%zz=1')
  t.equal(query.get('name'), 'a/b c')
  t.equal(query.get('empty'), '')
  t.equal(query.get('bare'), '')
  t.equal(query.get('missing'), undefined)
  t.ok(query.has('bad'))
  t.notOk(query.has('missing'))
  t.throws(() => query.get('bad'), MalformedEncoding)
  t.throws(() => query.get('utf'), /malformed percent-encoding in utf/)
  t.equal(new Query('').get('name'), undefined)
  t.equal(new Query('a=b=c').get('a'), 'b=c')
  t.end()
})

test('a path is decoded once', t => {
  t.equal(decode('a%252Fb', 'path'), 'a%2Fb')
  t.equal(decode('a+b', 'path'), 'a+b')
  t.throws(() => decode('%', 'path'), /malformed percent-encoding in path/)
  t.end()
})

test('the router sees no percent sign of a path, and every one of a query', t => {
  t.equal(routingUrl({ url: '/b/x' }), '/b/x')
  t.equal(routingUrl({ url: '/b/x?a=%2F' }), '/b/x?a=%2F')
  t.equal(routingUrl({ url: '/b/%ZZ/o?a=%2F' }), '/b/.ZZ/o?a=%2F')
  t.equal(routingUrl({}), '/')
  t.end()
})
