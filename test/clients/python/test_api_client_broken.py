"""
google-api-python-client over a bad network, and with a server that is killed, full, or has lost its data: after a break its
next `next_chunk()` asks `bytes */N` and goes on from the answer. (Not with chunksize=-1: there the client computes the rest's
length as size − 2 × progress. A chunk larger than the file is the same single PUT, and resumes.)
"""

import http.client
import io
import json
import random
import threading
import time

import pytest
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaFileUpload, MediaIoBaseDownload, MediaIoBaseUpload, build_http

from api_client import download, insert, service_at, upload, upload_stubbornly
from kept import wait_until_kept
from test_api_client_upload import Counting, UnknownSize

MIB = 1024 * 1024
GRANULE = 256 * 1024


@pytest.fixture
def service(server):
    return service_at(server.url)


def test_cut_in_the_middle_of_a_chunk(server, network, path, content):
    media = MediaFileUpload(path, chunksize=2 * MIB, resumable=True)
    request = insert(service_at(network.url), 'cut.bin', media)
    network.cut_after(3 * MIB)
    _, breaks = upload_stubbornly(request)
    assert (network.cuts, breaks) == (1, 1)
    assert download(service_at(server.url), 'cut.bin') == content


def test_cut_in_one_put_resumes_where_it_broke(server, network, path, content):
    media = MediaFileUpload(path, resumable=True)
    request = insert(service_at(network.url), 'put.bin', media)
    network.cut_after(4 * MIB + 100_000)
    with pytest.raises(OSError):
        request.next_chunk()
    kept = wait_until_kept(request.resumable_uri, 4 * MIB - GRANULE)
    assert kept % GRANULE == 0
    uploaded = network.uploaded
    upload_stubbornly(request)
    assert network.uploaded - uploaded < len(content) - kept + 10_000
    assert download(service_at(server.url), 'put.bin') == content


def test_cut_with_unknown_size(server, network, content):
    media = UnknownSize(io.BytesIO(content), 'image/png', chunksize=MIB, resumable=True)
    request = insert(service_at(network.url), 'unknown.bin', media)
    network.cut_after(3 * MIB + MIB // 2)
    upload_stubbornly(request)
    assert network.cuts == 1
    assert download(service_at(server.url), 'unknown.bin') == content


def test_cut_many_times(server, network, path, content):
    media = MediaFileUpload(path, chunksize=MIB, resumable=True)
    request = insert(service_at(network.url), 'often.bin', media)
    response, breaks = None, 0
    while response is None:
        network.cut_after(700_000)
        try:
            _, response = request.next_chunk()
        except OSError:
            breaks += 1
    assert breaks >= 5
    assert download(service_at(server.url), 'often.bin') == content


def test_the_answer_to_a_chunk_is_lost(server, network, path, content):
    media = MediaFileUpload(path, chunksize=MIB, resumable=True)
    request = insert(service_at(network.url), 'lost-answer.bin', media)
    request.next_chunk()
    network.lose_answer_after(MIB)
    with pytest.raises(OSError):
        request.next_chunk()
    status, _ = request.next_chunk()
    assert status.resumable_progress == 3 * MIB, 'the lost chunk was not sent again'
    upload(request)
    assert download(service_at(server.url), 'lost-answer.bin') == content


def test_the_last_answer_is_lost(server, network, path, content):
    service = service_at(network.url)
    request = insert(service, 'last.bin', MediaFileUpload(path, resumable=True))
    network.lose_answer_after(len(content))
    with pytest.raises(OSError):
        request.next_chunk()
    _, response = request.next_chunk()
    assert response == service.objects().get(bucket='uploads', object='last.bin').execute()
    assert network.uploaded < len(content) + 10_000, 'the data was not sent again'
    assert download(service_at(server.url), 'last.bin') == content


def test_killed_between_chunks(server, service, path, content):
    request = insert(service, 'between.bin', MediaFileUpload(path, chunksize=MIB, resumable=True))
    request.next_chunk()
    request.next_chunk()
    server.kill()
    with pytest.raises(OSError):
        request.next_chunk()
    server.start()
    status, _ = request.next_chunk()
    assert status.resumable_progress == 3 * MIB, 'nothing acknowledged was lost'
    upload(request)
    assert download(service, 'between.bin') == content


def test_killed_in_the_middle_of_a_chunk(server, network, path, content):
    media = MediaFileUpload(path, resumable=True)
    request = insert(service_at(network.url), 'killed.bin', media)
    network.cut_after(3 * MIB + 100_000)
    with pytest.raises(OSError):
        request.next_chunk()
    server.kill()
    server.start()
    upload_stubbornly(request)
    assert download(service_at(server.url), 'killed.bin') == content


def test_killed_again_and_again_while_data_flows(server, path, content):
    """The kills fall anywhere: in a chunk, in an answer, in the start of a session."""
    moments, kills, is_over = random.Random(9), 8, threading.Event()

    def kill():
        try:
            for _ in range(kills):
                time.sleep(moments.uniform(0.02, 0.25))
                server.kill()
                server.start()
        finally:
            is_over.set()

    killer = threading.Thread(target=kill)
    killer.start()
    names, breaks = [], 0
    while not is_over.is_set():
        names.append(f'{len(names)}.bin')
        media = MediaFileUpload(path, chunksize=GRANULE, resumable=True)
        _, broken = upload_stubbornly(insert(service_at(server.url), names[-1], media))
        breaks += broken
    killer.join()
    assert breaks >= kills // 2
    for name in names:
        assert download(service_at(server.url), name) == content


def test_a_saved_upload_goes_on_in_another_process(server, service, path, content):
    request = insert(service, 'saved.bin', MediaFileUpload(path, chunksize=MIB, resumable=True))
    request.next_chunk()
    saved = request.resumable_uri
    server.kill()
    server.start()
    media = MediaFileUpload(path, chunksize=MIB, resumable=True)
    restored = insert(service_at(server.url), 'saved.bin', media)
    restored.resumable_uri = saved
    restored.resumable_progress = wait_until_kept(saved, MIB)
    status, _ = restored.next_chunk()
    assert status.resumable_progress == 2 * MIB
    upload(restored)
    assert download(service, 'saved.bin') == content


def test_5xx_call_next_chunk_again(server, service, path, content):
    """A disk without room is a 5xx: the session waits until there is some again."""
    request = insert(service, 'full.bin', MediaFileUpload(path, chunksize=MIB, resumable=True))
    request.next_chunk()
    server.kill()
    server.start(RESERVE='5TiB')
    with pytest.raises(HttpError) as full:
        # The client's own connection did not survive the restart.
        request.next_chunk(http=build_http())
    assert full.value.resp.status == 503
    assert json.loads(full.value.content)['error']['errors'][0]['reason'] == 'backendError'
    server.kill()
    server.start()
    http = build_http()
    status, _ = request.next_chunk(http=http)
    assert status.resumable_progress == 2 * MIB
    upload(request, http)
    assert download(service_at(server.url), 'full.bin') == content


def test_404_start_over(server, service, path, content):
    """A server that has lost its data does not know the session: the upload starts all over again."""
    media = MediaFileUpload(path, chunksize=MIB, resumable=True)
    request = insert(service, 'lost.bin', media)
    request.next_chunk()
    server.kill()
    server.forget()
    server.start()
    with pytest.raises(HttpError) as unknown:
        request.next_chunk(http=build_http())
    assert unknown.value.resp.status == 404
    fresh = service_at(server.url)
    upload(insert(fresh, 'lost.bin', media))
    assert download(fresh, 'lost.bin') == content


def test_num_retries_wait_for_a_server_that_starts(server, service, content):
    media = MediaIoBaseUpload(io.BytesIO(content), 'image/png', chunksize=MIB, resumable=True)
    request = insert(service, 'late.bin', media)
    server.kill()
    starting = threading.Timer(0.5, server.start)
    starting.start()
    request.next_chunk(num_retries=8)
    starting.join()
    upload(request)
    assert download(service, 'late.bin') == content


def test_num_retries_of_answers(server):
    """Of a source that can be asked twice: of a stream the client would send what is left of it, which is nothing."""
    marks, http = server.plan_faults('return-503', 'return-503-after-256K'), build_http()
    plain = http.request
    http.request = lambda uri, method='GET', body=None, headers=None, **options: plain(
        uri, method, body, {**(headers or {}), **marks}, **options
    )
    media = Counting(600_000, chunksize=2 * MIB)
    request = insert(service_at(server.url), 'retried', media)
    upload(request, http, num_retries=4)
    assert server.has_met(marks)
    assert download(service_at(server.url), 'retried') == media.getbytes(0, media.size())


def test_cut_with_an_upload_class_of_ones_own(server, network):
    """`num_retries` is for answers; a connection that breaks is the caller's affair, and the next call goes on."""
    media = Counting(600_000, chunksize=2 * MIB)
    request = insert(service_at(network.url), 'own', media)
    for fault in (network.cut_after, network.lose_answer_after):
        fault(MIB + MIB // 2)
        with pytest.raises(OSError):
            request.next_chunk(num_retries=3)
    upload(request)
    assert network.cuts == 2
    assert download(service_at(server.url), 'own') == media.getbytes(0, media.size())


@pytest.mark.parametrize('body', [None, {'metadata': {'k': 'v'}}])
def test_a_cut_whole_upload_is_sent_again(server, network, content, body):
    """With a body the client sends multipart, without one only the data."""

    def request():
        media = MediaIoBaseUpload(io.BytesIO(content), 'image/png')
        return insert(service_at(network.url), 'whole', media, body=body)

    network.cut_after(2 * MIB)
    with pytest.raises(OSError):
        request().execute()
    with pytest.raises(HttpError) as missing:
        download(service_at(server.url), 'whole')
    assert missing.value.resp.status == 404
    network.cut_after(2 * MIB)
    request().execute(num_retries=3)
    assert network.cuts == 2
    assert download(service_at(server.url), 'whole') == content


def test_a_cut_download_goes_on(server, network, service, content):
    insert(service, 'down', MediaIoBaseUpload(io.BytesIO(content), 'image/png')).execute()
    fd = io.BytesIO()
    request = service_at(network.url).objects().get_media(bucket='uploads', object='down')
    downloader, done, breaks = MediaIoBaseDownload(fd, request, chunksize=MIB), False, 0
    network.cut_answers_after(2 * MIB + MIB // 2)
    while not done:
        try:
            _, done = downloader.next_chunk()
        except (OSError, http.client.HTTPException):
            breaks += 1
    assert network.cuts == 1
    assert breaks >= 1
    assert fd.getvalue() == content
