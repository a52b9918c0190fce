"""google-resumable-media: whole, ranged, chunked and raw downloads, with the checksums of what is stored."""

import gzip
import io

import pytest
import requests
from google.resumable_media import DataCorruption, InvalidResponse
from google.resumable_media.requests import (
    ChunkedDownload,
    Download,
    MultipartUpload,
    RawChunkedDownload,
    RawDownload,
)

from media import MIB, begin, finish, media_url, resource_url, upload_url

TEXT = b'the same again, ' * 10_000


@pytest.fixture(scope='module')
def transport():
    with requests.Session() as session:
        yield session


@pytest.fixture(scope='module')
def url(steady, transport, content):
    finish(begin(transport, steady.url, 'down/load.bin', content), transport)
    return media_url(steady.url, 'down/load.bin')


@pytest.fixture(scope='module')
def zipped_url(steady, transport):
    """An object that is stored compressed, and says so."""
    upload = MultipartUpload(upload_url(steady.url, 'multipart'), checksum='crc32c')
    metadata = {'name': 'text.gz', 'contentEncoding': 'gzip'}
    upload.transmit(transport, gzip.compress(TEXT), metadata, 'text/plain')
    return media_url(steady.url, 'text.gz')


@pytest.mark.parametrize('checksum', [None, 'md5', 'crc32c'])
@pytest.mark.parametrize('kind', [Download, RawDownload])
def test_whole(transport, url, content, kind, checksum):
    stream = io.BytesIO()
    download = kind(url, stream=stream, checksum=checksum)
    response = download.consume(transport)
    assert download.finished
    assert stream.getvalue() == content
    assert response.headers['x-goog-stored-content-encoding'] == 'identity'
    assert response.headers['x-goog-stored-content-length'] == str(len(content))


def test_without_a_stream(transport, url, content):
    assert Download(url).consume(transport).content == content


def test_by_the_media_link(steady, transport, url, content):
    link = transport.get(resource_url(steady.url, 'down/load.bin')).json()['mediaLink']
    assert Download(link).consume(transport).content == content


@pytest.mark.parametrize(
    ('start', 'end', 'expected'),
    [
        (0, 99, slice(0, 100)),
        (None, 99, slice(0, 100)),
        (100, 99_999, slice(100, 100_000)),
        (5 * MIB, None, slice(5 * MIB, None)),
        (-1000, None, slice(-1000, None)),
        (100, 99 * MIB, slice(100, None)),
    ],
)
def test_a_slice(transport, url, content, start, end, expected):
    stream = io.BytesIO()
    response = Download(url, stream=stream, start=start, end=end).consume(transport)
    assert response.status_code == 206
    assert stream.getvalue() == content[expected]


def test_a_slice_behind_the_end(transport, url, content):
    with pytest.raises(InvalidResponse) as refusal:
        Download(url, start=len(content)).consume(transport)
    assert refusal.value.response.status_code == 416
    assert refusal.value.response.headers['content-range'] == f'bytes */{len(content)}'


@pytest.mark.parametrize('checksum', ['md5', 'crc32c'])
def test_a_spoilt_byte_is_noticed(steady_network, transport, url, checksum):
    link = media_url(steady_network.url, 'down/load.bin')
    download = Download(link, stream=io.BytesIO(), checksum=checksum)
    steady_network.spoil_answers_after(MIB)
    with pytest.raises(DataCorruption):
        download.consume(transport)


@pytest.mark.parametrize('kind', [ChunkedDownload, RawChunkedDownload])
@pytest.mark.parametrize('chunk_size', [MIB, 5 * MIB + 54_321, 100 * MIB])
def test_chunked(transport, url, content, kind, chunk_size):
    stream = io.BytesIO()
    download, chunks = kind(url, chunk_size, stream), 0
    while not download.finished:
        download.consume_next_chunk(transport)
        chunks += 1
    assert download.total_bytes == len(content)
    assert chunks == -(-len(content) // chunk_size)
    assert stream.getvalue() == content


def test_chunked_between(transport, url, content):
    stream = io.BytesIO()
    download = ChunkedDownload(url, MIB, stream, start=1000, end=3 * MIB)
    while not download.finished:
        download.consume_next_chunk(transport)
    assert stream.getvalue() == content[1000 : 3 * MIB + 1]


def test_an_empty_object(steady, transport):
    finish(begin(transport, steady.url, 'empty', b''), transport)
    link = media_url(steady.url, 'empty')
    assert Download(link, checksum='crc32c').consume(transport).content == b''
    stream = io.BytesIO()
    download = ChunkedDownload(link, MIB, stream)
    download.consume_next_chunk(transport)
    assert download.finished
    assert stream.getvalue() == b''


@pytest.mark.parametrize('checksum', ['md5', 'crc32c'])
def test_compressed(transport, zipped_url, checksum):
    stream = io.BytesIO()
    Download(zipped_url, stream=stream, checksum=checksum).consume(transport)
    assert stream.getvalue() == TEXT
    stream = io.BytesIO()
    RawDownload(zipped_url, stream=stream, checksum=checksum).consume(transport)
    assert gzip.decompress(stream.getvalue()) == TEXT


def test_compressed_for_who_does_not_accept_it(transport, zipped_url):
    stream, headers = io.BytesIO(), {'accept-encoding': 'identity'}
    download = Download(zipped_url, stream=stream, headers=headers, checksum=None)
    response = download.consume(transport)
    assert 'content-encoding' not in response.headers
    assert response.headers['x-goog-stored-content-encoding'] == 'gzip'
    assert stream.getvalue() == TEXT


def test_missing(steady, transport):
    link = media_url(steady.url, 'missing')
    for attempt in (
        Download(link).consume,
        ChunkedDownload(link, MIB, io.BytesIO()).consume_next_chunk,
    ):
        with pytest.raises(InvalidResponse) as refusal:
            attempt(transport)
        assert refusal.value.response.status_code == 404
        assert refusal.value.response.text == 'No such object: uploads/missing'
