"""
google-cloud-storage over a bad network, and with a server that is killed, full, or has lost its data. It sends the same chunk
again by itself, for two minutes by default, and asks nothing in between.
"""

import io
import random
import threading
import time

import pytest
import requests
from google.api_core.exceptions import NotFound
from google.cloud.storage.exceptions import InvalidResponse

from storage_client import MIB, QUICK, bucket_at, put

GRANULE = 256 * 1024
LENGTH = 12 * MIB + 54_321


@pytest.fixture(scope='module')
def data():
    return random.Random(12).randbytes(LENGTH)


@pytest.fixture
def bucket(server):
    return bucket_at(server.url)


@pytest.mark.parametrize('chunk_size', [None, 4 * MIB])
def test_a_cut_file(bucket, network, data, tmp_path, chunk_size):
    (tmp_path / 'file').write_bytes(data)
    blob = bucket_at(network.url).blob('cut', chunk_size=chunk_size)
    network.cut_after(10 * MIB)
    blob.upload_from_filename(tmp_path / 'file', checksum='crc32c', retry=QUICK)
    assert network.cuts == 1
    assert bucket.blob('cut').download_as_bytes() == data


def test_cut_many_times(bucket, network, data):
    """Each chunk, once: all of it again, of which the server keeps the part that it does not have."""
    blob, breaks = bucket_at(network.url).blob('often', chunk_size=2 * MIB), threading.Event()

    def cut():
        while not breaks.wait(0.02):
            if network.cuts < 5:
                network.cut_after(2 * MIB + MIB // 2)

    cutting = threading.Thread(target=cut)
    cutting.start()
    blob.upload_from_string(data, checksum='md5', retry=QUICK)
    breaks.set()
    cutting.join()
    assert bucket.blob('often').download_as_bytes() == data


def test_a_cut_small_upload(bucket, network, data):
    blob = bucket_at(network.url).blob('small')
    network.cut_after(3 * MIB)
    blob.upload_from_string(data[: 5 * MIB], if_generation_match=0, retry=QUICK)
    assert network.cuts == 1
    assert bucket.blob('small').download_as_bytes() == data[: 5 * MIB]


def test_a_cut_stream(bucket, network, data):
    blob = bucket_at(network.url).blob('stream', chunk_size=MIB)
    network.cut_after(7 * MIB + MIB // 2)
    blob.upload_from_file(io.BytesIO(data), retry=QUICK)
    assert network.cuts == 1
    assert bucket.blob('stream').download_as_bytes() == data


def test_a_cut_file_opened_for_writing(bucket, network, data):
    network.cut_after(3 * MIB)
    with bucket_at(network.url).blob('open').open('wb', chunk_size=MIB, retry=QUICK) as file:
        for start in range(0, len(data), 100_000):
            file.write(data[start : start + 100_000])
    assert network.cuts == 1
    assert bucket.blob('open').download_as_bytes() == data


def test_the_last_answer_is_lost(bucket, network, data):
    blob = bucket_at(network.url).blob('last', chunk_size=4 * MIB)
    network.lose_answer_after(len(data))
    blob.upload_from_string(data, if_generation_match=0, retry=QUICK)
    assert network.cuts == 1
    assert bucket.get_blob('last').generation == blob.generation
    assert bucket.blob('last').download_as_bytes() == data


@pytest.mark.parametrize('chunk_size', [None, MIB])
def test_killed_while_data_flows(server, network, bucket, data, chunk_size):
    """In the middle of a chunk, and for some time."""
    blob = bucket_at(network.url).blob('killed', chunk_size=chunk_size)

    def kill():
        while network.uploaded < 5 * MIB:
            time.sleep(0.005)
        server.kill()
        server.start()

    killer = threading.Thread(target=kill)
    killer.start()
    blob.upload_from_string(data, checksum='crc32c', retry=QUICK)
    killer.join()
    assert bucket.blob('killed').download_as_bytes() == data


def test_killed_again_and_again(server, bucket, data):
    moments, kills, is_over = random.Random(6), 4, threading.Event()

    def kill():
        try:
            for _ in range(kills):
                time.sleep(moments.uniform(0.05, 0.3))
                server.kill()
                server.start()
        finally:
            is_over.set()

    killer = threading.Thread(target=kill)
    killer.start()
    names = []
    while not is_over.is_set():
        names.append(f'large-{len(names)}')
        blob = bucket.blob(names[-1], chunk_size=GRANULE)
        blob.upload_from_string(data[: 9 * MIB], checksum='crc32c', retry=QUICK)
    killer.join()
    for name in names:
        assert bucket.blob(name).download_as_bytes() == data[: 9 * MIB]


def test_a_session_goes_on_after_a_kill(server, bucket, data):
    """What the client has no words for: the session's URL, kept by its user, and the protocol's question."""
    url = bucket.blob('saved').create_resumable_upload_session(size=len(data))
    first = {'Content-Range': f'bytes 0-{2 * MIB - 1}/{len(data)}'}
    assert requests.put(url, data[: 2 * MIB], headers=first).status_code == 308
    server.kill()
    server.start()
    answer = requests.put(url, headers={'Content-Range': 'bytes */*'})
    assert (answer.status_code, answer.headers['Range']) == (308, f'bytes=0-{2 * MIB - 1}')
    rest = {'Content-Range': f'bytes {2 * MIB}-{len(data) - 1}/{len(data)}'}
    assert requests.put(url, data[2 * MIB :], headers=rest).status_code == 200
    assert bucket.blob('saved').download_as_bytes() == data


def test_a_full_disk_is_a_matter_of_time(server, bucket, data):
    server.kill()
    server.start(RESERVE='5TiB')

    def make_room():
        time.sleep(0.5)
        server.kill()
        server.start()

    making_room = threading.Thread(target=make_room)
    making_room.start()
    bucket.blob('full').upload_from_string(data, retry=QUICK)
    making_room.join()
    assert bucket.blob('full').download_as_bytes() == data


def test_without_retries_a_full_disk_is_an_error(server, bucket, data):
    server.kill()
    server.start(RESERVE='5TiB')
    for length in (5, LENGTH):
        with pytest.raises(Exception) as full:
            bucket.blob('full').upload_from_string(data[:length], retry=None)
        assert full.value.code == 503


def test_a_server_without_its_data(server, bucket, data):
    """An upload in progress ends with 404; started over, it is one like any other."""
    file = bucket.blob('lost').open('wb', chunk_size=MIB, retry=QUICK)
    file.write(data[: 3 * MIB])
    server.kill()
    server.forget()
    server.start()
    with pytest.raises(InvalidResponse) as unknown:
        file.write(data[3 * MIB :])
    assert unknown.value.response.status_code == 404
    assert not bucket.blob('lost').exists()
    bucket.blob('lost').upload_from_string(data)
    assert bucket.blob('lost').download_as_bytes() == data


@pytest.mark.parametrize('checksum', ['md5', 'crc32c'])
def test_a_cut_download_goes_on(bucket, network, data, checksum):
    bucket.blob('down').upload_from_string(data)
    blob = bucket_at(network.url).blob('down')
    network.cut_answers_after(10 * MIB)
    assert blob.download_as_bytes(checksum=checksum, retry=QUICK) == data
    assert network.cuts == 1


def test_a_download_goes_on_after_a_kill(server, network, bucket, data):
    bucket.blob('down').upload_from_string(data)
    blob = bucket_at(network.url).blob('down')

    def kill():
        while network.downloaded < 4 * MIB:
            time.sleep(0.002)
        server.kill()
        server.start()

    killer = threading.Thread(target=kill)
    killer.start()
    assert blob.download_as_bytes(retry=QUICK) == data
    killer.join()


def test_killed_between_calls(server, bucket):
    """What has been answered is there, whatever kind of change it was."""
    put(bucket, 'a')
    b = put(bucket, 'b')
    b.metadata = {'k': 'v'}
    b.patch()
    bucket.blob('ab').compose([bucket.blob('a'), bucket.blob('b')])
    bucket.copy_blob(bucket.blob('a'), bucket, 'copy')
    bucket.blob('a').delete()
    server.kill()
    server.start()
    assert [blob.name for blob in bucket.list_blobs()] == ['ab', 'b', 'copy']
    assert bucket.get_blob('b').metadata == {'k': 'v'}
    assert bucket.blob('ab').download_as_bytes() == b'ab'
    assert bucket.blob('copy').download_as_bytes() == b'a'
    with pytest.raises(NotFound):
        bucket.blob('a').download_as_bytes()
