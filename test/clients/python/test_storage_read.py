"""google-cloud-storage: everything it reads."""

import gzip
import io
import random

import pytest
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud.exceptions import RequestRangeNotSatisfiable
from google.cloud.storage import transfer_manager
from google.cloud.storage.exceptions import DataCorruption

from storage_client import MIB, bucket_at, put

THREADS = {'worker_type': transfer_manager.THREAD, 'max_workers': 4}
TEXT = 'Ebbe und Flut, grüße\n' * 10_000


@pytest.fixture(scope='module')
def bucket(steady):
    return bucket_at(steady.url)


@pytest.fixture(scope='module')
def data():
    return random.Random(12).randbytes(12 * MIB + 54_321)


@pytest.fixture(scope='module')
def blob(bucket, data):
    return put(bucket, 'reading/data.bin', data, content_type='image/png')


@pytest.fixture(scope='module')
def zipped(bucket):
    blob = bucket.blob('reading/text.gz')
    blob.content_encoding = 'gzip'
    blob.upload_from_string(gzip.compress(TEXT.encode()), content_type='text/plain')
    return blob


@pytest.mark.parametrize('checksum', [None, 'md5', 'crc32c', 'auto'])
def test_whole(blob, data, tmp_path, checksum):
    assert blob.download_as_bytes(checksum=checksum) == data
    assert blob.download_as_bytes(checksum=checksum, raw_download=True) == data
    blob.download_to_filename(tmp_path / 'whole', checksum=checksum)
    assert (tmp_path / 'whole').read_bytes() == data
    assert (tmp_path / 'whole').stat().st_mtime == blob.updated.timestamp()


def test_by_name_alone(bucket, blob, data):
    """Without its resource the client has no media link, and asks `/download/…`."""
    assert bucket.blob(blob.name).download_as_bytes() == data


def test_what_a_download_tells(bucket, blob):
    fresh = bucket.blob(blob.name)
    fresh.download_as_bytes(end=0)
    assert (fresh.content_type, fresh.storage_class) == ('image/png', 'STANDARD')
    assert (fresh.md5_hash, fresh.crc32c) == (blob.md5_hash, blob.crc32c)


@pytest.mark.parametrize(
    ('start', 'end', 'expected'),
    [
        (0, 0, slice(0, 1)),
        (None, 99, slice(0, 100)),
        (100, 99_999, slice(100, 100_000)),
        (12 * MIB, None, slice(12 * MIB, None)),
        (-1000, None, slice(-1000, None)),
        (100, 99 * MIB, slice(100, None)),
    ],
)
def test_a_range(blob, data, start, end, expected):
    assert blob.download_as_bytes(start=start, end=end) == data[expected]


def test_a_range_behind_the_end(blob, data):
    with pytest.raises(RequestRangeNotSatisfiable):
        blob.download_as_bytes(start=len(data))


@pytest.mark.parametrize('chunk_size', [256 * 1024, 5 * MIB, 100 * MIB])
def test_in_chunks(bucket, blob, data, chunk_size):
    chunked = bucket.blob(blob.name, chunk_size=chunk_size)
    assert chunked.download_as_bytes() == data
    assert chunked.download_as_bytes(start=1000, end=6 * MIB) == data[1000 : 6 * MIB + 1]


def test_if(blob):
    generation = blob.generation
    assert blob.download_as_bytes(end=9, if_generation_match=generation)
    with pytest.raises(PreconditionFailed):
        blob.download_as_bytes(if_generation_match=generation + 1)


def test_an_older_generation_is_gone(bucket):
    first = put(bucket, 'reading/twice', 'first')
    put(bucket, 'reading/twice', 'second')
    with pytest.raises(NotFound):
        first.download_as_bytes()


@pytest.mark.parametrize('chunk_size', [None, 256 * 1024])
def test_an_empty_object(bucket, chunk_size):
    blob = bucket.blob('reading/empty', chunk_size=chunk_size)
    blob.upload_from_string(b'')
    assert blob.crc32c == 'AAAAAA=='
    assert blob.download_as_bytes() == b''
    with blob.open('rb') as file:
        assert file.read() == b''


def test_opened(blob, data):
    with blob.open('rb', chunk_size=MIB) as file:
        assert file.read(1000) == data[:1000]
        file.seek(5 * MIB - 10)
        assert file.read(20) == data[5 * MIB - 10 : 5 * MIB + 10]
        file.seek(-100, io.SEEK_END)
        assert file.read() == data[-100:]
        assert file.read(1) == b''
        file.seek(0)
        assert file.read() == data


def test_opened_text(bucket):
    blob = put(bucket, 'reading/text.txt', TEXT)
    with blob.open('r', encoding='utf-8') as file:
        assert sum(line == 'Ebbe und Flut, grüße\n' for line in file) == 10_000
    assert blob.download_as_text() == TEXT


def test_compressed(zipped):
    assert zipped.download_as_text() == TEXT
    assert gzip.decompress(zipped.download_as_bytes(raw_download=True)).decode() == TEXT


@pytest.mark.parametrize('checksum', ['md5', 'crc32c'])
def test_a_spoilt_byte_is_noticed(blob, steady_network, tmp_path, checksum):
    spoilt = bucket_at(steady_network.url).blob(blob.name)
    steady_network.spoil_answers_after(MIB)
    with pytest.raises(DataCorruption):
        spoilt.download_to_filename(tmp_path / 'spoilt', checksum=checksum)
    assert not (tmp_path / 'spoilt').exists()


# The transfer manager.


@pytest.mark.parametrize('chunk_size', [MIB, 5 * MIB, 100 * MIB])
def test_chunks_concurrently(blob, data, tmp_path, chunk_size):
    transfer_manager.download_chunks_concurrently(
        blob, tmp_path / 'down', chunk_size=chunk_size, **THREADS
    )
    assert (tmp_path / 'down').read_bytes() == data


def test_chunks_concurrently_in_processes(blob, data, tmp_path):
    """The default, which pickles the client."""
    transfer_manager.download_chunks_concurrently(
        blob, tmp_path / 'down', chunk_size=7 * MIB, max_workers=2
    )
    assert (tmp_path / 'down').read_bytes() == data


def test_a_byte_spoilt_in_concurrent_chunks_is_noticed(blob, steady_network, tmp_path):
    spoilt = bucket_at(steady_network.url).get_blob(blob.name)
    steady_network.spoil_answers_after(MIB)
    with pytest.raises(DataCorruption):
        transfer_manager.download_chunks_concurrently(
            spoilt, tmp_path / 'down', chunk_size=5 * MIB, **THREADS
        )


def test_many(bucket, tmp_path):
    names = [f'many/{index}.txt' for index in range(20)]
    (tmp_path / 'up' / 'many').mkdir(parents=True)
    for name in names:
        (tmp_path / 'up' / name).write_text(name)

    def upload_new(names):
        return transfer_manager.upload_many_from_filenames(
            bucket, names, source_directory=str(tmp_path / 'up'), skip_if_exists=True, **THREADS
        )

    assert upload_new(names[1:]) == [None] * 19
    is_new = [outcome is None for outcome in upload_new(names)]
    assert is_new == [True] + [False] * 19
    transfer_manager.download_many_to_path(
        bucket, names, destination_directory=str(tmp_path / 'down'), **THREADS
    )
    assert [(tmp_path / 'down' / name).read_text() for name in names] == names
