"""google-api-python-client: what it does with objects that are there, made from either discovery document."""

import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaInMemoryUpload

from api_client import discovered_at, download, insert


def put(service, name, data=None):
    media = MediaInMemoryUpload((data or name).encode(), 'text/plain')
    return insert(service, name, media, body={'metadata': {'is': name}}).execute()


def test_patch_and_update(service):
    put(service, 'changed')
    objects, target = service.objects(), {'bucket': 'uploads', 'object': 'changed'}
    body = {'contentLanguage': 'de', 'metadata': {'is': None, 'was': 'x'}}
    patched = objects.patch(**target, body=body).execute()
    assert (patched['metadata'], patched['metageneration']) == ({'was': 'x'}, '2')
    updated = objects.update(**target, body={'metadata': {'only': 'this'}}).execute()
    assert updated['metadata'] == {'only': 'this'}
    assert 'contentLanguage' not in updated
    with pytest.raises(HttpError) as refusal:
        objects.patch(**target, body={}, ifMetagenerationMatch='1').execute()
    assert refusal.value.resp.status == 412


def test_compose_copy_rewrite(service):
    objects, to = service.objects(), {'destinationBucket': 'uploads'}
    put(service, 'a', 'ebb, ')
    put(service, 'b', 'flow')
    body = {'sourceObjects': [{'name': 'a'}, {'name': 'b'}], 'destination': {'contentType': 'x/y'}}
    whole = objects.compose(**to, destinationObject='a/b', body=body).execute()
    assert (whole['componentCount'], whole['contentType']) == (2, 'x/y')
    assert download(service, 'a/b') == b'ebb, flow'
    source = {'sourceBucket': 'uploads', 'sourceObject': 'a'}
    copy = objects.copy(**source, **to, destinationObject='copy of a', body={}).execute()
    assert copy['metadata'] == {'is': 'a'}
    answer = objects.rewrite(**source, **to, destinationObject='rewritten', body={}).execute()
    assert (answer['done'], answer['totalBytesRewritten']) == (True, '5')
    assert answer['resource']['name'] == 'rewritten'
    for name in ('copy of a', 'rewritten'):
        assert download(service, name) == b'ebb, '


def test_list(service):
    for name in ('listed/a', 'listed/b/1', 'listed/b/2', 'listed/c'):
        put(service, name)
    objects, pages = service.objects(), []
    request = objects.list(bucket='uploads', prefix='listed/', delimiter='/', maxResults=2)
    while request is not None:
        page = request.execute()
        names = [item['name'] for item in page.get('items', [])]
        pages.append((names, page.get('prefixes', [])))
        request = objects.list_next(request, page)
    assert pages == [(['listed/a'], ['listed/b/']), (['listed/c'], [])]


def test_batch(service):
    """The calls of a batch may be carried out in any order, so each has an object of its own."""
    for name in ('got', 'patched', 'deleted'):
        put(service, f'batch/{name}')
    answers = {}
    batch = service.new_batch_http_request(
        callback=lambda name, answer, error: answers.update({name: error or answer})
    )

    def add(name, call, **options):
        request = call(bucket='uploads', object=f'batch/{name}', **options)
        batch.add(request, request_id=name)

    objects = service.objects()
    add('got', objects.get)
    add('missing', objects.get)
    add('patched', objects.patch, body={'metadata': {'ä': 'ö'}})
    add('deleted', objects.delete)
    batch.execute()
    assert list(answers) == ['got', 'missing', 'patched', 'deleted']
    assert answers['got']['metadata'] == {'is': 'batch/got'}
    assert answers['missing'].resp.status == 404
    assert answers['patched']['metadata'] == {'is': 'batch/patched', 'ä': 'ö'}
    with pytest.raises(HttpError):
        objects.get(bucket='uploads', object='batch/deleted').execute()


def test_an_address_too_long_for_an_address(service):
    """From 2048 characters on the client sends a POST, the query as its body."""
    name = 'ä' * 500
    put(service, name, 'data')
    resource = service.objects().get(bucket='uploads', object=name).execute()
    assert resource['name'] == name
    assert download(service, name) == b'data'


def test_buckets(service):
    buckets = service.buckets()
    made = buckets.insert(project='any', body={'name': 'salt-marsh'}).execute()
    assert made['kind'] == 'storage#bucket'
    try:
        found = buckets.list(project='any', prefix='salt').execute()['items']
        assert [bucket['name'] for bucket in found] == ['salt-marsh']
        patched = buckets.patch(bucket='salt-marsh', body={'labels': {'a': 'b'}}).execute()
        assert patched['labels'] == {'a': 'b'}
    finally:
        buckets.delete(bucket='salt-marsh').execute()
    with pytest.raises(HttpError) as missing:
        buckets.get(bucket='salt-marsh').execute()
    assert missing.value.resp.status == 404


@pytest.mark.parametrize(
    'path', ['discovery/v1/apis/{api}/{apiVersion}/rest', '$discovery/rest?version={apiVersion}']
)
def test_both_places_of_the_document(steady, path):
    service = discovered_at(steady.url, path)
    request = insert(service, 'discovered', MediaInMemoryUpload(b'found', resumable=True))
    assert request.uri.startswith(f'{steady.url}/upload/storage/v1/b/uploads/o?')
    assert request.execute()['name'] == 'discovered'
    assert download(service, 'discovered') == b'found'
