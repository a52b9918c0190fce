"""google-cloud-storage: every way it uploads, without a break, and what it refuses to have stored."""

import filecmp
import io
import random

import pytest
import requests
from google.api_core.exceptions import BadRequest, NotFound, PreconditionFailed
from google.cloud.storage.blob import _MAX_MULTIPART_SIZE
from google.cloud.storage.exceptions import InvalidResponse

from storage_client import MIB, bucket_at, client_at, crc32c_of, md5_of, put

GRANULE = 256 * 1024


@pytest.fixture(scope='module')
def bucket(steady):
    return bucket_at(steady.url)


@pytest.fixture(scope='module')
def data():
    """Just over the size from which the library uploads resumably."""
    return random.Random(8).randbytes(_MAX_MULTIPART_SIZE + 1)


class Stream(io.RawIOBase):
    """Bytes that come from somewhere: without a size, without a way back."""

    def __init__(self, data):
        self._data = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._data.readinto(buffer)

    def tell(self):
        return self._data.tell()


@pytest.mark.parametrize('length', [0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1])
def test_a_file_on_either_side_of_the_multipart_limit(steady, data, tmp_path, length):
    (tmp_path / 'file.png').write_bytes(data[:length])
    conversation = []
    bucket = client_at(steady.url, conversation).bucket('uploads')
    blob = bucket.blob(f'file-{length}.png')
    blob.upload_from_filename(tmp_path / 'file.png')
    writes = [(method, url) for method, url, _ in conversation if method != 'GET']
    if length <= _MAX_MULTIPART_SIZE:
        [(_, url)] = writes
        assert 'uploadType=multipart' in url
    else:
        assert [method for method, _ in writes] == ['POST', 'PUT']
    assert (blob.size, blob.content_type) == (length, 'image/png')
    assert (blob.md5_hash, blob.crc32c) == (md5_of(data[:length]), crc32c_of(data[:length]))
    assert bucket.get_blob(blob.name).generation == blob.generation
    assert blob.download_as_bytes() == data[:length]


def test_100_mib(bucket, huge, tmp_path):
    blob = bucket.blob('huge')
    blob.upload_from_filename(huge)
    assert blob.size == 100 * MIB
    blob.download_to_filename(tmp_path / 'copy')
    assert filecmp.cmp(huge, tmp_path / 'copy', shallow=False)


@pytest.mark.parametrize('checksum', [None, 'md5', 'crc32c', 'auto'])
@pytest.mark.parametrize('chunk_size', [None, GRANULE, 3 * MIB])
def test_chunk_sizes_and_checksums(bucket, data, chunk_size, checksum):
    blob = bucket.blob(f'chunks-{chunk_size}', chunk_size=chunk_size)
    blob.upload_from_file(io.BytesIO(data), size=len(data), checksum=checksum)
    assert blob.size == len(data)
    assert blob.download_as_bytes(checksum=checksum) == data


@pytest.mark.parametrize('checksum', [None, 'md5', 'crc32c', 'auto'])
def test_strings(bucket, checksum):
    blob = bucket.blob('dir/grüße & ?#%.txt')
    blob.upload_from_string('grüße', checksum=checksum)
    assert (blob.content_type, blob.size) == ('text/plain', 7)
    assert blob.download_as_text() == 'grüße'
    blob.upload_from_string(b'\x00\xff', content_type='application/x-two', checksum=checksum)
    assert blob.content_type == 'application/x-two'
    assert blob.download_as_bytes() == b'\x00\xff'


@pytest.mark.parametrize('length', [0, 1, GRANULE - 1, GRANULE, 2 * GRANULE, 8 * MIB + 1])
def test_streams_of_unknown_size(bucket, data, length):
    blob = bucket.blob(f'stream-{length}', chunk_size=GRANULE)
    blob.upload_from_file(Stream(data[:length]))
    assert blob.size == length
    assert blob.download_as_bytes() == data[:length]


def test_the_part_of_a_file_that_is_left(bucket, data, tmp_path):
    (tmp_path / 'file').write_bytes(data)
    with (tmp_path / 'file').open('rb') as file:
        file.seek(1000)
        blob = bucket.blob('left')
        blob.upload_from_file(file, size=500)
        assert blob.download_as_bytes() == data[1000:1500]
        blob.upload_from_file(file, rewind=True)
    assert blob.download_as_bytes() == data


@pytest.mark.parametrize('length', [0, 5, GRANULE, 3 * GRANULE, MIB + 1])
def test_a_file_opened_for_writing(bucket, data, length):
    blob = bucket.blob(f'opened-{length}')
    with blob.open('wb', chunk_size=GRANULE, content_type='image/png') as file:
        for start in range(0, length, 100_000):
            file.write(data[start : min(length, start + 100_000)])
    blob.reload()
    assert (blob.size, blob.content_type) == (length, 'image/png')
    assert blob.download_as_bytes() == data[:length]


def test_a_text_file_opened_for_writing(bucket):
    blob = bucket.blob('opened.txt')
    with blob.open('w', encoding='utf-8', ignore_flush=True) as file:
        file.writelines(['grüße\n', 'aus dem Watt\n'])
    with blob.open('r', encoding='utf-8') as file:
        assert file.readlines() == ['grüße\n', 'aus dem Watt\n']


def test_a_file_opened_for_writing_and_given_up(bucket):
    blob = bucket.blob('given-up')
    with pytest.raises(InterruptedError), blob.open('wb', chunk_size=GRANULE) as file:
        file.write(bytes(MIB))
        raise InterruptedError
    assert not blob.exists()


@pytest.mark.parametrize('length', [5, 8 * MIB + 1])
def test_metadata_travels_with_the_data(bucket, data, length):
    blob = bucket.blob(f'described-{length}')
    blob.metadata = {'owner': 'me', 'größe': 'ä'}
    blob.cache_control = 'no-store'
    blob.content_disposition = 'attachment'
    blob.content_language = 'de'
    blob.storage_class = 'NEARLINE'
    blob.upload_from_string(data[:length], content_type='text/x-own', predefined_acl='private')
    stored = bucket.get_blob(blob.name)
    assert stored.metadata == {'owner': 'me', 'größe': 'ä'}
    assert (stored.cache_control, stored.content_disposition) == ('no-store', 'attachment')
    assert (stored.content_language, stored.content_type) == ('de', 'text/x-own')
    assert (stored.storage_class, stored.metageneration) == ('NEARLINE', 1)
    assert stored.time_created == stored.updated


@pytest.mark.parametrize('length', [5, 8 * MIB + 1])
def test_if_generation_match(bucket, data, length):
    blob = bucket.blob(f'once-{length}')
    blob.upload_from_string(data[:length], if_generation_match=0)
    first = blob.generation
    with pytest.raises(PreconditionFailed):
        bucket.blob(blob.name).upload_from_string(data[1 : length + 1], if_generation_match=0)
    assert blob.download_as_bytes() == data[:length]
    blob.upload_from_string(data[1 : length + 1], if_generation_match=first)
    assert blob.generation > first
    with pytest.raises(PreconditionFailed):
        bucket.blob(blob.name).upload_from_string(b'', if_metageneration_match=2)


def test_a_file_opened_for_writing_if_generation_match(bucket):
    def write():
        with bucket.blob('opened-once').open('wb', if_generation_match=0) as file:
            file.write(b'data')

    write()
    with pytest.raises(InvalidResponse) as refusal:
        write()
    assert refusal.value.response.status_code == 412


def test_a_session_for_someone_else(bucket, data):
    """The URL is all that another program needs, in another process or on another machine."""
    blob = bucket.blob('session')
    blob.metadata = {'owner': 'me'}
    url = blob.create_resumable_upload_session('image/png', size=len(data), checksum=None)
    answer = requests.put(
        url, data[: 4 * MIB], headers={'Content-Range': f'bytes 0-{4 * MIB - 1}/*'}
    )
    assert (answer.status_code, answer.headers['Range']) == (308, f'bytes=0-{4 * MIB - 1}')
    rest = {'Content-Range': f'bytes {4 * MIB}-{len(data) - 1}/{len(data)}'}
    assert requests.put(url, data[4 * MIB :], headers=rest).json()['metadata'] == {'owner': 'me'}
    assert blob.download_as_bytes() == data


# What is refused leaves nothing behind.


@pytest.mark.parametrize('checksum', ['md5', 'crc32c', 'auto'])
@pytest.mark.parametrize('length', [5 * MIB, 8 * MIB + 1])
def test_a_byte_spoilt_on_the_way(bucket, steady_network, data, length, checksum):
    """The library declares the checksum: of a small upload before the data, of a large one with its last chunk."""
    blob = bucket_at(steady_network.url).blob('spoilt')
    blob.chunk_size = 4 * MIB
    steady_network.spoil_after(3 * MIB)
    with pytest.raises(BadRequest):
        blob.upload_from_string(data[:length], checksum=checksum)
    assert not bucket.blob('spoilt').exists()


@pytest.mark.parametrize('length', [5, 8 * MIB + 1])
def test_a_wrong_checksum_declared_at_the_start(bucket, data, length):
    blob = bucket.blob('wrong')
    blob.md5_hash = md5_of(b'other')
    with pytest.raises(BadRequest, match=f'MD5.*{blob.md5_hash}'):
        blob.upload_from_string(data[:length], checksum=None)
    assert not bucket.blob('wrong').exists()


def test_a_wrong_checksum_of_a_large_upload(bucket, data):
    wrong = crc32c_of(b'other')
    with pytest.raises(BadRequest, match=f'CRC32C.*{wrong}'):
        bucket.blob('wrong').upload_from_string(data, crc32c_checksum_value=wrong)
    assert not bucket.blob('wrong').exists()


@pytest.mark.parametrize('length', [5, 8 * MIB + 1])
def test_customer_supplied_keys_are_refused(bucket, data, length):
    blob = bucket.blob('secret', encryption_key=b'\x07' * 32)
    with pytest.raises(BadRequest):
        blob.upload_from_string(data[:length])
    assert not bucket.blob('secret').exists()


@pytest.mark.parametrize('length', [5, 8 * MIB + 1])
def test_a_missing_bucket(steady, data, length):
    with pytest.raises(NotFound, match='The specified bucket does not exist.'):
        put(client_at(steady.url).bucket('absent-bucket'), 'x', data[:length])
