"""
google-api-python-client's uploads in one request: with a body they are multipart, its lines ending in LF alone, and without one
the data alone.
"""

import io

import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaFileUpload, MediaInMemoryUpload, MediaIoBaseUpload

from api_client import download, insert
from test_api_client_upload import Counting

LENGTHS = [0, 1, 1024 * 1024, 5 * 1024 * 1024 + 54_321]

NEARLY_BOUNDARIES = [
    b'ends in \r',
    b'ends in \n',
    b'ends in \r\n',
    b'\n--',
    b'\n--===============',
    b'\r\n--=====\r\n',
    b'--\n\n--\n',
    bytes(range(256)),
]


def from_file(data, tmp_path):
    (tmp_path / 'file.png').write_bytes(data)
    return MediaFileUpload(tmp_path / 'file.png')


def from_stream(data, tmp_path):
    return MediaIoBaseUpload(io.BytesIO(data), 'image/png')


def from_memory(data, tmp_path):
    return MediaInMemoryUpload(data, 'image/png')


@pytest.mark.parametrize('media_of', [from_file, from_stream, from_memory])
@pytest.mark.parametrize('body', [None, {}, {'metadata': {'owner': 'ich, ä'}}])
@pytest.mark.parametrize('length', LENGTHS)
def test_whole(service, content, tmp_path, media_of, body, length):
    media = media_of(content[:length], tmp_path)
    response = insert(service, 'whole/ä.png', media, body=body).execute()
    assert (response['size'], response['contentType']) == (str(length), 'image/png')
    assert response.get('metadata') == (body or {}).get('metadata')
    assert download(service, 'whole/ä.png') == content[:length]


@pytest.mark.parametrize('data', NEARLY_BOUNDARIES)
def test_what_is_nearly_a_boundary(service, data):
    media = MediaInMemoryUpload(data, 'text/plain')
    insert(service, 'nearly', media, body={'cacheControl': 'no-store'}).execute()
    assert download(service, 'nearly') == data


def test_an_upload_class_of_ones_own(service):
    media = Counting(1000, resumable=False)
    response = insert(service, 'own', media, body={'contentType': 'application/x-other'}).execute()
    assert response['contentType'] == 'application/x-other', 'the metadata has the last word'
    assert download(service, 'own') == media.getbytes(0, 8000)


def test_the_name_in_the_body(service):
    request = service.objects().insert(
        bucket='uploads', body={'name': 'in the body'}, media_body=MediaInMemoryUpload(b'data')
    )
    assert request.execute()['name'] == 'in the body'
    assert download(service, 'in the body') == b'data'


@pytest.mark.parametrize(
    'declared', [{'md5Hash': 'XUFAKrxLKna5cZ2REBfFkg=='}, {'crc32c': 'mnG7TA=='}]
)
def test_a_checksum_is_verified(service, declared):
    """The checksums are those of `hello`."""
    insert(service, 'hello', MediaInMemoryUpload(b'hello'), body=declared).execute()
    with pytest.raises(HttpError) as refusal:
        insert(service, 'not-hello', MediaInMemoryUpload(b'world'), body=declared).execute()
    assert refusal.value.resp.status == 400
    assert refusal.value.error_details[0]['reason'] == 'invalid'
    with pytest.raises(HttpError) as missing:
        service.objects().get(bucket='uploads', object='not-hello').execute()
    assert missing.value.resp.status == 404


def test_two_names(service):
    media = MediaInMemoryUpload(b'data')
    with pytest.raises(HttpError) as refusal:
        insert(service, 'one', media, body={'name': 'two'}).execute()
    assert refusal.value.resp.status == 400
