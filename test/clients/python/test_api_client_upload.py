"""
Every way google-api-python-client uploads resumably without a break, and everything it reads afterwards. What is not resumable
is in test_api_client_whole.py.
"""

import base64
import filecmp
import hashlib
import io
import uuid

import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import (
    MediaFileUpload,
    MediaInMemoryUpload,
    MediaIoBaseDownload,
    MediaIoBaseUpload,
    MediaUpload,
)

from api_client import download, insert, service_at, upload

MIB = 1024 * 1024


class UnknownSize(MediaIoBaseUpload):
    """A stream that cannot say how long it will be: the interface documents None for that."""

    def size(self):
        return None

    def has_stream(self):
        return False


class Counting(MediaUpload):
    """Somebody's own source, of which only the interface is the client's: numbers, made as they are asked for."""

    def __init__(self, numbers, chunksize=MIB, resumable=True):
        self._numbers, self._chunksize, self._is_resumable = numbers, chunksize, resumable

    def chunksize(self):
        return self._chunksize

    def mimetype(self):
        return 'application/x-numbers'

    def size(self):
        return 8 * self._numbers

    def resumable(self):
        return self._is_resumable

    def getbytes(self, begin, length):
        end = min(begin + length, self.size())
        numbers = range(begin // 8, -(-end // 8))
        data = b''.join(number.to_bytes(8, 'big') for number in numbers)
        return data[begin % 8 :][: end - begin]


# Not a multiple of the chunk: then the client ends with `bytes N-(N-1)/N`, which Google refuses, and so do we (gcs.md §6.2).
UNKNOWN_SIZES = [0, 1, MIB + 1, 5 * MIB + 54_321]


def test_chunks_and_their_progress(service, path, content):
    media = MediaFileUpload(path, chunksize=MIB, resumable=True)
    response, progress = upload(insert(service, 'chunks.bin', media))
    assert progress == [MIB, 2 * MIB, 3 * MIB, 4 * MIB, 5 * MIB]
    assert response['size'] == str(len(content))
    assert response['md5Hash'] == base64.b64encode(hashlib.md5(content).digest()).decode()
    assert download(service, 'chunks.bin') == content


def test_progress_is_a_fraction(service, path, content):
    request = insert(service, 'f', MediaFileUpload(path, chunksize=2 * MIB, resumable=True))
    status, _ = request.next_chunk()
    assert status.progress() == 2 * MIB / len(content)
    assert status.total_size == len(content)


@pytest.mark.parametrize('chunksize', [-1, 100 * MIB])
def test_one_chunk(service, path, content, chunksize):
    media = MediaFileUpload(path, chunksize=chunksize, resumable=True)
    _, progress = upload(insert(service, 'one.bin', media))
    assert progress == []
    assert download(service, 'one.bin') == content


def test_execute_runs_the_loop(service, path, content):
    media = MediaFileUpload(path, chunksize=MIB, resumable=True)
    assert insert(service, 'executed.bin', media).execute()['size'] == str(len(content))
    assert download(service, 'executed.bin') == content


def test_empty_file(service, tmp_path):
    (tmp_path / 'empty').touch()
    media = MediaFileUpload(tmp_path / 'empty', mimetype='text/plain', resumable=True)
    response, _ = upload(insert(service, 'empty', media))
    assert response['size'] == '0'
    assert response['crc32c'] == 'AAAAAA=='
    assert download(service, 'empty') == b''


@pytest.mark.parametrize('length', UNKNOWN_SIZES)
def test_unknown_size(service, content, length):
    media = UnknownSize(
        io.BytesIO(content[:length]), 'application/octet-stream', chunksize=MIB, resumable=True
    )
    response, _ = upload(insert(service, 'unknown.bin', media))
    assert response['size'] == str(length)
    assert download(service, 'unknown.bin') == content[:length]


@pytest.mark.parametrize('numbers', [0, 1, 131_072, 400_000])
def test_an_upload_class_of_ones_own(service, numbers):
    media = Counting(numbers)
    response, progress = upload(insert(service, 'numbers', media))
    assert progress == [*range(MIB, 8 * numbers, MIB)]
    assert (response['size'], response['contentType']) == (
        str(8 * numbers),
        'application/x-numbers',
    )
    assert download(service, 'numbers') == media.getbytes(0, media.size())


def test_100_mib(steady, huge, tmp_path):
    service = service_at(steady.url)
    media = MediaFileUpload(huge, chunksize=16 * MIB, resumable=True)
    _, progress = upload(insert(service, 'huge', media))
    assert progress == [16 * MIB * count for count in range(1, 7)]
    with (tmp_path / 'copy').open('wb') as copy:
        request = service.objects().get_media(bucket='uploads', object='huge')
        downloader, done = MediaIoBaseDownload(copy, request, chunksize=16 * MIB), False
        while not done:
            _, done = downloader.next_chunk()
    assert filecmp.cmp(huge, tmp_path / 'copy', shallow=False)


@pytest.mark.parametrize(
    'declared', [{'md5Hash': 'XUFAKrxLKna5cZ2REBfFkg=='}, {'crc32c': 'mnG7TA=='}]
)
def test_a_wrong_checksum_is_refused(service, path, declared):
    """The checksums are those of `hello`."""
    media = MediaFileUpload(path, chunksize=2 * MIB, resumable=True)
    with pytest.raises(HttpError) as refusal:
        upload(insert(service, 'wrong', media, body=declared))
    assert refusal.value.resp.status == 400
    [digest] = declared.values()
    assert digest in refusal.value.reason
    with pytest.raises(HttpError) as missing:
        service.objects().get(bucket='uploads', object='wrong').execute()
    assert missing.value.resp.status == 404


def test_memory_and_metadata(service):
    media = MediaInMemoryUpload(b'in memory', mimetype='text/plain', resumable=True)
    body = {'contentType': 'text/markdown', 'metadata': {'owner': 'me'}, 'cacheControl': 'no-store'}
    request = service.objects().insert(
        bucket='uploads', name='folder/ä & b#?.md', media_body=media, body=body
    )
    response, _ = upload(request)
    resource = service.objects().get(bucket='uploads', object='folder/ä & b#?.md').execute()
    assert response == resource
    assert body.items() <= resource.items()
    assert download(service, 'folder/ä & b#?.md') == b'in memory'


def test_content_type_is_guessed_from_the_file(service, tmp_path):
    (tmp_path / 'page.html').write_text('<p>')
    upload(insert(service, 'page', MediaFileUpload(tmp_path / 'page.html', resumable=True)))
    resource = service.objects().get(bucket='uploads', object='page').execute()
    assert resource['contentType'] == 'text/html'


def test_a_mask_and_a_precondition_travel_with_the_session(service, path):
    name = f'masked-{uuid.uuid4()}'

    def request():
        media = MediaFileUpload(path, chunksize=2 * MIB, resumable=True)
        return insert(service, name, media, ifGenerationMatch='0', fields='name,size')

    response, _ = upload(request())
    assert response.keys() == {'name', 'size'}
    with pytest.raises(HttpError) as refusal:
        upload(request())
    assert refusal.value.resp.status == 412


def test_download_in_chunks_with_progress(service, content):
    upload(insert(service, 'down.bin', MediaInMemoryUpload(content, resumable=True)))
    fd = io.BytesIO()
    request = service.objects().get_media(bucket='uploads', object='down.bin')
    downloader = MediaIoBaseDownload(fd, request, chunksize=2 * MIB)
    progress, done = [], False
    while not done:
        status, done = downloader.next_chunk()
        progress.append(status.resumable_progress)
        assert status.total_size == len(content)
    assert progress == [2 * MIB, 4 * MIB, len(content)]
    assert fd.getvalue() == content


def test_whole_and_ranged_reads(service, content):
    upload(insert(service, 'read.bin', MediaInMemoryUpload(content, resumable=True)))
    request = service.objects().get_media(bucket='uploads', object='read.bin')
    assert request.execute() == content
    ranged = service.objects().get_media(bucket='uploads', object='read.bin')
    ranged.headers['Range'] = 'bytes=100-199'
    assert ranged.execute() == content[100:200]


def test_list_and_delete(service):
    names = [f'list/{letter}' for letter in 'abcde']
    for name in [*names, 'other']:
        upload(insert(service, name, MediaInMemoryUpload(name.encode(), resumable=True)))
    objects, found, pages = service.objects(), [], 0
    request = objects.list(bucket='uploads', prefix='list/', maxResults=2)
    while request is not None:
        response = request.execute()
        found += [item['name'] for item in response['items']]
        pages += 1
        request = objects.list_next(request, response)
    assert (found, pages) == (names, 3)
    objects.delete(bucket='uploads', object='list/a').execute()
    for call in (objects.get, objects.get_media, objects.delete):
        with pytest.raises(HttpError) as missing:
            call(bucket='uploads', object='list/a').execute()
        assert missing.value.resp.status == 404


def test_a_missing_bucket(service):
    media = MediaInMemoryUpload(b'x', resumable=True)
    with pytest.raises(HttpError) as refusal:
        service.objects().insert(bucket='absent-bucket', name='x', media_body=media).next_chunk()
    assert refusal.value.resp.status == 404
    assert 'The specified bucket does not exist.' in str(refusal.value)
