"""The ways to point google-cloud-storage at a server of one's own."""

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from storage_client import MIB, put

LENGTHS = [5, 9 * MIB]


def check(client, url, length):
    """Small and large, and everything by the address that the client was given."""
    data = bytes(range(256)) * (length // 256 + 1)
    blob = put(client.bucket('uploads'), f'endpoint-{length}', data[:length])
    assert blob.self_link.startswith(f'{url}/storage/v1/b/uploads/o/')
    assert blob.media_link.startswith(f'{url}/download/storage/v1/b/uploads/o/')
    assert blob.download_as_bytes() == data[:length]
    assert client.bucket('uploads').blob(blob.name).download_as_bytes() == data[:length]
    assert blob.name in [found.name for found in client.list_blobs('uploads')]


@pytest.mark.parametrize('length', LENGTHS)
def test_api_endpoint(steady, length):
    options = {'api_endpoint': steady.url}
    client = storage.Client(
        project='any', credentials=AnonymousCredentials(), client_options=options
    )
    check(client, steady.url, length)


@pytest.mark.parametrize('length', LENGTHS)
def test_api_endpoint_alone(steady, length):
    options = {'api_endpoint': steady.url}
    check(
        storage.Client(client_options=options, use_auth_w_custom_endpoint=False),
        steady.url,
        length,
    )


@pytest.mark.parametrize('length', LENGTHS)
def test_storage_emulator_host(steady, monkeypatch, length):
    monkeypatch.setenv('STORAGE_EMULATOR_HOST', steady.url)
    check(storage.Client(), steady.url, length)


def test_storage_emulator_host_finds_buckets(steady, monkeypatch):
    monkeypatch.setenv('STORAGE_EMULATOR_HOST', steady.url)
    client = storage.Client()
    assert 'uploads' in [bucket.name for bucket in client.list_buckets()]
    assert client.create_bucket('made-here').exists()
    client.bucket('made-here').delete()


def test_through_a_tls_front(tls, certificate, monkeypatch):
    monkeypatch.setenv('REQUESTS_CA_BUNDLE', str(certificate))
    _, front = tls
    options = {'api_endpoint': front.url}
    client = storage.Client(client_options=options, use_auth_w_custom_endpoint=False)
    for length in LENGTHS:
        check(client, front.url, length)
