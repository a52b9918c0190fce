"""
google-resumable-media over a bad network, and with a server that is killed, full, or has lost its data. After a break the
library sends the same chunk again, asking nothing; once it has given up, `recover()` asks `bytes */*`.
"""

import pytest
import requests
from google.resumable_media import InvalidResponse
from google.resumable_media.requests import Download, MultipartUpload, SimpleUpload

from media import (
    GRANULE,
    MIB,
    begin,
    finish,
    media_url,
    read,
    resource_url,
    upload_url,
    with_retries,
)

BROKEN = (requests.ConnectionError, ConnectionError)


@pytest.fixture
def transport():
    with requests.Session() as session:
        yield session


@pytest.mark.parametrize('checksum', ['md5', 'crc32c'])
def test_recover_from_a_cut(server, network, transport, content, checksum):
    """The checksum goes on where it was, though the chunks are now others."""
    upload = begin(transport, network.url, 'cut', content, 2 * MIB, checksum=checksum)
    network.cut_after(3 * MIB)
    with pytest.raises(BROKEN):
        finish(upload, transport)
    assert upload.bytes_uploaded == 2 * MIB
    upload.recover(transport)
    assert 2 * MIB <= upload.bytes_uploaded < 3 * MIB
    assert upload.bytes_uploaded % GRANULE == 0
    finish(upload, transport)
    assert read(transport, server.url, 'cut') == content


def test_recover_before_anything_arrived(server, network, transport, content):
    upload = begin(transport, network.url, 'nothing', content, 2 * MIB, checksum='md5')
    network.cut_after(10_000)
    with pytest.raises(BROKEN):
        finish(upload, transport)
    response = upload.recover(transport)
    assert 'range' not in response.headers
    assert upload.bytes_uploaded == 0
    finish(upload, transport)
    assert read(transport, server.url, 'nothing') == content


def test_recover_with_unknown_size(server, network, transport, content):
    upload = begin(
        transport, network.url, 'unknown', content, checksum='crc32c', stream_final=False
    )
    network.cut_after(3 * MIB + MIB // 2)
    with pytest.raises(BROKEN):
        finish(upload, transport)
    upload.recover(transport)
    finish(upload, transport)
    assert read(transport, server.url, 'unknown') == content


def test_recover_from_many_cuts(server, network, transport, content):
    upload = begin(transport, network.url, 'often', content, checksum='crc32c')
    breaks = 0
    while not upload.finished:
        network.cut_after(700_000)
        try:
            upload.transmit_next_chunk(transport)
        except BROKEN:
            breaks += 1
            upload.recover(transport)
    assert breaks >= 5
    assert read(transport, server.url, 'often') == content


def test_recover_from_a_refused_chunk(server, transport, content):
    """A refusal that no retry would change makes the upload invalid until it has recovered."""
    upload = begin(transport, server.url, 'refused', content, checksum='md5')
    upload.transmit_next_chunk(transport)

    class Garbling(requests.Session):
        def request(self, method, url, headers, **options):
            return super().request(method, url, headers={**headers, 'content-range': 'bytes 1'})

    with Garbling() as garbling, pytest.raises(InvalidResponse) as refusal:
        upload.transmit_next_chunk(garbling)
    assert refusal.value.response.status_code == 400
    assert upload.invalid
    with pytest.raises(ValueError):
        upload.transmit_next_chunk(transport)
    upload.recover(transport)
    assert (upload.invalid, upload.bytes_uploaded) == (False, MIB)
    finish(upload, transport)
    assert read(transport, server.url, 'refused') == content


@pytest.mark.parametrize(
    'fault', ['return-503-after-256K', 'return-408', 'return-reset-connection']
)
def test_recover_from_a_server_that_fails(server, transport, content, fault):
    headers = server.plan_faults(fault)
    upload = begin(transport, server.url, 'failing', content, 2 * MIB, checksum='crc32c')
    upload.transmit_next_chunk(transport)
    transport.headers.update(headers)
    with pytest.raises((InvalidResponse, *BROKEN)):
        upload.transmit_next_chunk(transport)
    assert server.has_met(headers)
    upload.recover(transport)
    assert upload.bytes_uploaded in (2 * MIB, 2 * MIB + GRANULE)
    finish(upload, transport)
    assert read(transport, server.url, 'failing') == content


def test_the_same_chunk_again_without_a_question(server, network, transport, content):
    upload = with_retries(3, begin(transport, network.url, 'again', content, checksum='md5'))
    network.cut_after(2 * MIB + MIB // 2)
    _, progress = finish(upload, transport)
    assert network.cuts == 1
    assert progress == [MIB, 2 * MIB, 3 * MIB, 4 * MIB, 5 * MIB, len(content)]
    assert read(transport, server.url, 'again') == content


def test_the_answer_to_a_chunk_is_lost(server, network, transport, content):
    upload = begin(transport, network.url, 'lost-answer', content, checksum='md5')
    network.lose_answer_after(MIB)
    with pytest.raises(BROKEN):
        upload.transmit_next_chunk(transport)
    upload.recover(transport)
    assert upload.bytes_uploaded == MIB, 'it is not sent again'
    finish(upload, transport)
    assert read(transport, server.url, 'lost-answer') == content


def test_the_last_answer_is_lost(server, network, transport, content):
    """The last chunk sent again is answered as if it were the first time."""
    upload = with_retries(3, begin(transport, network.url, 'last', content, checksum='crc32c'))
    network.lose_answer_after(len(content))
    resource, _ = finish(upload, transport)
    assert network.cuts == 1
    assert resource == transport.get(resource_url(network.url, 'last')).json()
    assert read(transport, server.url, 'last') == content


def test_recover_after_the_last_answer_was_lost(server, network, transport, content):
    """Here `recover()` expects 308 and nothing else: the object's resource is in what it raises."""
    upload = begin(transport, network.url, 'last', content)
    network.lose_answer_after(len(content))
    with pytest.raises(BROKEN):
        finish(upload, transport)
    with pytest.raises(InvalidResponse) as answer:
        upload.recover(transport)
    assert answer.value.response.status_code == 200
    assert answer.value.response.json()['size'] == str(len(content))


@pytest.mark.parametrize('upload_type', ['media', 'multipart'])
def test_a_cut_whole_upload_is_sent_again(server, network, transport, content, upload_type):
    url = upload_url(network.url, upload_type, name='whole')
    network.cut_after(3 * MIB)
    if upload_type == 'media':
        with_retries(3, SimpleUpload(url)).transmit(transport, content, 'image/png')
    else:
        upload = with_retries(3, MultipartUpload(url, checksum='md5'))
        upload.transmit(transport, content, {}, 'image/png')
    assert network.cuts == 1
    assert read(transport, server.url, 'whole') == content


def test_of_a_cut_whole_upload_nothing_is_seen(server, network, transport, content):
    network.cut_after(3 * MIB)
    upload = MultipartUpload(upload_url(network.url, 'multipart'))
    with pytest.raises(BROKEN):
        with_retries(0, upload).transmit(transport, content, {'name': 'cut'}, 'image/png')
    assert transport.get(resource_url(server.url, 'cut')).status_code == 404


def test_killed_between_chunks(server, transport, content):
    upload = begin(transport, server.url, 'between', content, checksum='crc32c')
    upload.transmit_next_chunk(transport)
    upload.transmit_next_chunk(transport)
    server.kill()
    with pytest.raises(BROKEN):
        upload.transmit_next_chunk(transport)
    server.start()
    upload.recover(transport)
    assert upload.bytes_uploaded == 2 * MIB, 'nothing acknowledged was lost'
    finish(upload, transport)
    assert read(transport, server.url, 'between') == content


def test_killed_in_the_middle_of_a_chunk(server, network, transport, content):
    upload = begin(transport, network.url, 'killed', content, 4 * MIB, checksum='crc32c')
    network.cut_after(3 * MIB + 100_000)
    with pytest.raises(BROKEN):
        upload.transmit_next_chunk(transport)
    server.kill()
    server.start()
    upload.recover(transport)
    finish(upload, transport)
    assert read(transport, server.url, 'killed') == content


def test_killed_before_the_last_answer(server, network, transport, content):
    """Whether the server got as far as the object or not, the chunk sent again ends the upload."""
    upload = begin(transport, network.url, 'killed-last', content, checksum='md5')
    network.lose_answer_after(len(content))
    while upload.bytes_uploaded < 5 * MIB:
        upload.transmit_next_chunk(transport)
    with_retries(8, upload)
    server.kill()
    server.start()
    upload.transmit_next_chunk(transport)
    assert upload.finished
    assert read(transport, server.url, 'killed-last') == content


def test_a_full_disk_is_a_matter_of_time(server, transport, content):
    upload = begin(transport, server.url, 'full', content, checksum='md5')
    upload.transmit_next_chunk(transport)
    server.kill()
    server.start(RESERVE='5TiB')
    with pytest.raises(InvalidResponse) as full:
        upload.transmit_next_chunk(transport)
    assert full.value.response.status_code == 503
    server.kill()
    server.start()
    upload.recover(transport)
    assert upload.bytes_uploaded == MIB
    finish(upload, transport)
    assert read(transport, server.url, 'full') == content


def test_a_chunk_that_is_too_small_is_the_end(server, transport, content):
    """The library refuses such a size itself; Google's own test of it, and ours, reach behind that."""
    upload = begin(transport, server.url, 'small', content)
    upload._chunk_size = 1024
    with pytest.raises(InvalidResponse) as refusal:
        upload.transmit_next_chunk(transport)
    assert refusal.value.response.status_code == 400
    assert b'equal or greater than 262144' in refusal.value.response.content
    with pytest.raises(InvalidResponse) as refusal:
        upload.recover(transport)
    assert refusal.value.response.status_code == 400


def test_a_cancelled_upload(server, transport, content):
    upload = begin(transport, server.url, 'cancelled', content)
    upload.transmit_next_chunk(transport)
    assert transport.delete(upload.resumable_url).status_code == 499
    with pytest.raises(InvalidResponse) as refusal:
        upload.transmit_next_chunk(transport)
    assert refusal.value.response.status_code == 499
    assert transport.get(resource_url(server.url, 'cancelled')).status_code == 404


def test_404_start_over(server, transport, content):
    upload = begin(transport, server.url, 'lost', content)
    upload.transmit_next_chunk(transport)
    server.kill()
    server.forget()
    server.start()
    upload = with_retries(1, upload)
    with pytest.raises(InvalidResponse) as unknown:
        upload.transmit_next_chunk(transport)
    assert unknown.value.response.status_code == 404
    finish(begin(transport, server.url, 'lost', content), transport)
    assert read(transport, server.url, 'lost') == content


@pytest.mark.parametrize('checksum', ['md5', 'crc32c'])
def test_a_cut_download_goes_on(server, network, transport, content, tmp_path, checksum):
    finish(begin(transport, server.url, 'down', content), transport)
    ranges = []
    transport.hooks['response'].append(
        lambda answer, **_: ranges.append(answer.headers.get('content-range'))
    )
    with (tmp_path / 'down').open('wb') as stream:
        url = media_url(network.url, 'down')
        download = with_retries(3, Download(url, stream=stream, checksum=checksum))
        network.cut_answers_after(3 * MIB)
        download.consume(transport)
    whole, rest = ranges
    assert whole is None
    assert rest.endswith(f'-{len(content) - 1}/{len(content)}')
    assert (tmp_path / 'down').read_bytes() == content
