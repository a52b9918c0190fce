"""google-cloud-storage and google-resumable-media with a key where Google's access token would be (TIDEMARK_AUTH=keys)."""

import hashlib
import io
import json

import pytest
from google.api_core.exceptions import Forbidden, NotFound
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import AuthorizedSession
from google.cloud import storage
from google.oauth2.credentials import Credentials

from media import begin, finish, read
from storage_client import MIB, put
from tidemark import Tidemark

KEYS = {
    'all': {'scopes': ['create', 'read', 'list', 'delete', 'admin']},
    'adder': {'scopes': ['create'], 'buckets': ['uploads'], 'prefix': 'added/'},
}


def token_of(name):
    return f'tm_{hashlib.sha256(name.encode()).hexdigest()[:43]}'


@pytest.fixture(scope='module')
def guarded(tmp_path_factory):
    """A server that knows the keys above."""
    folder = tmp_path_factory.mktemp('guarded')
    keys = [
        {'name': name, 'sha256': hashlib.sha256(token_of(name).encode()).hexdigest(), **rights}
        for name, rights in KEYS.items()
    ]
    path = folder / 'keys.json'
    path.write_text(json.dumps({'keys': keys}))
    path.chmod(0o600)
    server = Tidemark(folder, AUTH='keys', KEYS_FILE=str(path))
    server.start()
    yield server
    server.kill()


def client_of(server, name):
    return storage.Client(
        project='any',
        credentials=Credentials(token_of(name)),
        client_options={'api_endpoint': server.url},
    )


@pytest.mark.parametrize('length', [5, 9 * MIB])
def test_whole_and_resumable(guarded, length):
    client = client_of(guarded, 'all')
    bucket = client.get_bucket('uploads')
    data = bytes(range(256)) * (length // 256 + 1)
    blob = bucket.blob(f'all/{length}', chunk_size=MIB if length > MIB else None)
    blob.upload_from_file(io.BytesIO(data), checksum='crc32c')
    assert blob.download_as_bytes() == data
    assert blob.name in [found.name for found in bucket.list_blobs(prefix='all/')]
    blob.metadata = {'a': 'b'}
    blob.patch()
    bucket.copy_blob(blob, bucket, f'copies/{length}').delete()
    with client.batch():
        bucket.blob(blob.name).delete()
    assert not bucket.blob(blob.name).exists()


def test_refusals(guarded):
    put(client_of(guarded, 'all').bucket('uploads'), 'theirs')
    bucket = client_of(guarded, 'adder').bucket('uploads')
    put(bucket, 'added/a')
    blob = bucket.blob('added/b', chunk_size=MIB)
    blob.upload_from_file(io.BytesIO(bytes(9 * MIB)))
    with pytest.raises(Forbidden):
        put(bucket, 'added/a')
    with pytest.raises(Forbidden):
        blob.upload_from_file(io.BytesIO(bytes(9 * MIB)))
    with pytest.raises(Forbidden):
        bucket.blob('added/a').download_as_bytes()
    for name in ['theirs', 'absent']:
        with pytest.raises(NotFound):
            bucket.blob(name).download_as_bytes()
        with pytest.raises(NotFound):
            put(bucket, name)
    # What this library makes of a 401: it asks for a new token, and a key is all there is.
    with pytest.raises(RefreshError):
        client_of(guarded, 'nobody').bucket('uploads').blob('added/a').download_as_bytes()


def test_resumable_media(guarded, content):
    transport = AuthorizedSession(Credentials(token_of('all')))
    upload = begin(transport, guarded.url, 'media.png', content)
    finish(upload, transport)
    assert read(transport, guarded.url, 'media.png') == content
