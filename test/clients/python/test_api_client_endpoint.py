"""
The ways to point google-api-python-client at a server. Its `api_endpoint` option moves all calls there, but of an upload URL
only the host: its scheme stays https. So the option alone serves a Tidemark behind TLS, whatever stands in front.
"""

import ssl

import pytest
from googleapiclient.discovery import build
from googleapiclient.http import MediaFileUpload, build_http

from api_client import download, insert, service_at, upload

MIB = 1024 * 1024


def endpoint_at(url, http):
    """`build` as documented, with the document that comes with the client: nothing is fetched."""
    return build(
        'storage', 'v1', http=http, static_discovery=True, client_options={'api_endpoint': url}
    )


def test_api_endpoint_through_a_tls_front(tls, certificate, path, content):
    _, front = tls
    url, http = front.url, build_http()
    http.ca_certs = certificate
    service = endpoint_at(f'{url}/storage/v1/', http)
    request = insert(service, 'tls.bin', MediaFileUpload(path, chunksize=MIB, resumable=True))
    response, progress = upload(request)
    assert request.resumable_uri.startswith(f'{url}/upload/storage/v1/b/uploads/o?')
    assert len(progress) == 5
    assert response['selfLink'].startswith(url)
    assert download(service, 'tls.bin') == content
    assert front.uploaded > len(content), 'all of it came this way'


def test_api_endpoint_leaves_uploads_at_https(server, path):
    service = endpoint_at(f'{server.url}/storage/v1/', build_http())
    assert service.objects().list(bucket='uploads').execute()['kind'] == 'storage#objects'
    request = insert(service, 'x', MediaFileUpload(path, resumable=True))
    assert request.uri.startswith(f'https://127.0.0.1:{server.port}/upload/storage/v1/')
    with pytest.raises(ssl.SSLError):
        request.next_chunk()


def test_uploads_follow_the_root_url(server, path):
    request = insert(service_at(server.url), 'x', MediaFileUpload(path, resumable=True))
    assert request.uri.startswith(f'{server.url}/upload/storage/v1/b/uploads/o?')
    upload(request)
    assert request.resumable_uri.startswith(f'{server.url}/upload/storage/v1/b/uploads/o?')
