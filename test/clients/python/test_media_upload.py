"""google-resumable-media: the three ways it uploads, without a break, and what it refuses to have stored."""

import filecmp
import io
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from google.resumable_media import DataCorruption, InvalidResponse
from google.resumable_media.requests import (
    Download,
    MultipartUpload,
    ResumableUpload,
    SimpleUpload,
)

from media import (
    GRANULE,
    MIB,
    begin,
    crc32c_of,
    finish,
    md5_of,
    media_url,
    read,
    resource_url,
    upload_url,
)

LENGTHS = [0, 1, MIB, 5 * MIB + 54_321]
CHECKSUMS = [None, 'md5', 'crc32c']

NEARLY_BOUNDARIES = [b'ends in \r', b'ends in \r\n', b'\r\n--', b'\r\n--=====', b'--\r\n\r\n--\r\n']


@pytest.fixture(scope='module')
def transport():
    with requests.Session() as session:
        yield session


@pytest.mark.parametrize('length', LENGTHS)
def test_simple(steady, transport, content, length):
    upload = SimpleUpload(upload_url(steady.url, 'media', name='simple.png'))
    resource = upload.transmit(transport, content[:length], 'image/png').json()
    assert upload.finished
    assert (resource['size'], resource['contentType']) == (str(length), 'image/png')
    assert resource['md5Hash'] == md5_of(content[:length])
    assert read(transport, steady.url, 'simple.png') == content[:length]


@pytest.mark.parametrize('checksum', CHECKSUMS)
@pytest.mark.parametrize('length', LENGTHS)
def test_multipart(steady, transport, content, length, checksum):
    upload = MultipartUpload(upload_url(steady.url, 'multipart'), checksum=checksum)
    metadata = {'name': 'folder/multi ä.png', 'metadata': {'owner': 'me'}}
    resource = upload.transmit(transport, content[:length], metadata, 'image/png').json()
    assert upload.finished
    assert metadata.items() <= resource.items()
    assert (resource['size'], resource['contentType']) == (str(length), 'image/png')
    assert resource['crc32c'] == crc32c_of(content[:length])
    assert read(transport, steady.url, 'folder/multi ä.png') == content[:length]


@pytest.mark.parametrize('data', NEARLY_BOUNDARIES)
def test_multipart_of_what_is_nearly_a_boundary(steady, transport, data):
    upload = MultipartUpload(upload_url(steady.url, 'multipart'), checksum='md5')
    upload.transmit(transport, data, {'name': 'nearly'}, 'text/plain')
    assert read(transport, steady.url, 'nearly') == data


@pytest.mark.parametrize('checksum', CHECKSUMS)
@pytest.mark.parametrize('length', LENGTHS)
def test_resumable(steady, transport, content, length, checksum):
    name = f'resumable-{length}.png'
    upload = begin(transport, steady.url, name, content[:length], checksum=checksum)
    resource, progress = finish(upload, transport)
    assert progress == [*range(MIB, length, MIB), length]
    assert upload.total_bytes == length
    assert (resource['size'], resource['contentType']) == (str(length), 'image/png')
    assert read(transport, steady.url, name) == content[:length]


@pytest.mark.parametrize('length', [*LENGTHS, 2 * MIB, MIB - 1, MIB + 1])
def test_resumable_of_unknown_size(steady, transport, content, length):
    """Where it ends with a chunk, the end is a request without data that names the total."""
    name = f'stream-{length}'
    upload = begin(
        transport, steady.url, name, content[:length], checksum='crc32c', stream_final=False
    )
    assert upload.total_bytes is None
    resource, _ = finish(upload, transport)
    assert resource['size'] == str(length)
    assert read(transport, steady.url, name) == content[:length]


def test_the_session_is_named_in_the_answer(steady, transport):
    upload = ResumableUpload(upload_url(steady.url, 'resumable', name='named'), GRANULE)
    response = upload.initiate(transport, io.BytesIO(b'data'), {}, 'text/plain', total_bytes=4)
    query = parse_qs(urlsplit(upload.resumable_url).query)
    assert query['upload_id'] == [response.headers['x-guploader-uploadid']]
    assert response.content == b''
    finish(upload, transport)
    assert read(transport, steady.url, 'named') == b'data'


def test_100_mib(steady, transport, huge, tmp_path):
    upload = ResumableUpload(upload_url(steady.url, 'resumable'), 32 * MIB, checksum='crc32c')
    with huge.open('rb') as stream:
        upload.initiate(transport, stream, {'name': 'huge'}, 'application/octet-stream')
        _, progress = finish(upload, transport)
    assert progress == [32 * MIB, 64 * MIB, 96 * MIB, 100 * MIB]
    with (tmp_path / 'copy').open('wb') as copy:
        Download(media_url(steady.url, 'huge'), stream=copy).consume(transport)
    assert filecmp.cmp(huge, tmp_path / 'copy', shallow=False)


# What is refused leaves nothing behind.


def assert_refused(refusal, status, transport, server_url, name):
    assert refusal.value.response.status_code == status
    assert transport.get(resource_url(server_url, name)).status_code == 404


@pytest.mark.parametrize('wrong', [{'md5Hash': md5_of(b'other')}, {'crc32c': crc32c_of(b'other')}])
def test_a_wrong_checksum_of_a_multipart_upload(steady, transport, wrong):
    upload = MultipartUpload(upload_url(steady.url, 'multipart'))
    with pytest.raises(InvalidResponse) as refusal:
        upload.transmit(transport, b'data', {'name': 'wrong', **wrong}, 'text/plain')
    assert_refused(refusal, 400, transport, steady.url, 'wrong')
    [supplied] = wrong.values()
    assert supplied in refusal.value.response.json()['error']['message']


@pytest.mark.parametrize('wrong', [{'md5Hash': md5_of(b'other')}, {'crc32c': crc32c_of(b'other')}])
def test_a_wrong_checksum_declared_at_the_start(steady, transport, content, wrong):
    upload = begin(transport, steady.url, 'wrong', content, metadata=wrong)
    with pytest.raises(InvalidResponse) as refusal:
        finish(upload, transport)
    assert upload.bytes_uploaded == 5 * MIB, 'only the end was refused'
    assert_refused(refusal, 400, transport, steady.url, 'wrong')


@pytest.mark.parametrize('hash_of', [('md5', md5_of), ('crc32c', crc32c_of)])
def test_a_wrong_checksum_in_the_headers(steady, transport, hash_of):
    algorithm, digest_of = hash_of
    headers = {'x-goog-hash': f'{algorithm}={digest_of(b"other")}'}
    upload = SimpleUpload(upload_url(steady.url, 'media', name='wrong'), headers=headers)
    with pytest.raises(InvalidResponse) as refusal:
        upload.transmit(transport, b'data', 'text/plain')
    assert_refused(refusal, 400, transport, steady.url, 'wrong')
    upload = begin(transport, steady.url, 'wrong', b'data', headers=headers)
    with pytest.raises(InvalidResponse) as refusal:
        finish(upload, transport)
    assert_refused(refusal, 400, transport, steady.url, 'wrong')


@pytest.mark.parametrize('checksum', ['md5', 'crc32c'])
def test_a_byte_spoilt_on_the_way_of_a_multipart_upload(
    steady, steady_network, transport, content, checksum
):
    upload = MultipartUpload(upload_url(steady_network.url, 'multipart'), checksum=checksum)
    steady_network.spoil_after(MIB)
    with pytest.raises(InvalidResponse) as refusal:
        upload.transmit(transport, content, {'name': 'spoilt'}, 'image/png')
    assert_refused(refusal, 400, transport, steady.url, 'spoilt')


@pytest.mark.parametrize('checksum', ['md5', 'crc32c'])
def test_a_byte_spoilt_on_the_way_of_a_resumable_upload(
    steady_network, transport, content, checksum
):
    """Here the library declares nothing: it compares with what the server says it has."""
    upload = begin(transport, steady_network.url, f'spoilt-{checksum}', content, checksum=checksum)
    steady_network.spoil_after(3 * MIB)
    with pytest.raises(DataCorruption):
        finish(upload, transport)


def test_preconditions(steady, transport):
    def simple():
        url = upload_url(steady.url, 'media', name='once', ifGenerationMatch=0)
        SimpleUpload(url).transmit(transport, b'data', 'text/plain')

    def multipart():
        url = upload_url(steady.url, 'multipart', ifGenerationMatch=0)
        MultipartUpload(url).transmit(transport, b'other', {'name': 'once'}, 'text/plain')

    def resumable():
        upload = begin(transport, steady.url, 'once', b'other', query={'ifGenerationMatch': 0})
        finish(upload, transport)

    simple()
    for again in (simple, multipart, resumable):
        with pytest.raises(InvalidResponse) as refusal:
            again()
        assert refusal.value.response.status_code == 412
    assert read(transport, steady.url, 'once') == b'data'


def test_a_missing_bucket(steady, transport):
    def at(upload_type):
        return upload_url(steady.url, upload_type, name='x').replace('uploads', 'absent-bucket')

    for attempt in (
        lambda: SimpleUpload(at('media')).transmit(transport, b'', 'text/plain'),
        lambda: MultipartUpload(at('multipart')).transmit(transport, b'', {}, 'text/plain'),
        lambda: ResumableUpload(at('resumable'), MIB).initiate(
            transport, io.BytesIO(), {}, 'text/plain'
        ),
    ):
        with pytest.raises(InvalidResponse) as refusal:
            attempt()
        assert refusal.value.response.status_code == 404
        assert refusal.value.response.json()['error']['errors'][0]['reason'] == 'notFound'
