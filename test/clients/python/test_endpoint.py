"""
The ways to point google-api-python-client at a server. Its `api_endpoint` option moves all calls there, but of an upload URL
only the host: its scheme stays https. So the option alone serves a Tidemark behind TLS, whatever stands in front.
"""

import datetime
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from googleapiclient.discovery import build
from googleapiclient.http import MediaFileUpload, build_http

from client import download, insert, service_at, upload
from proxy import Proxy
from tidemark import Tidemark

MIB = 1024 * 1024


def endpoint_at(url, http):
    """`build` as documented, with the document that comes with the client: nothing is fetched."""
    return build(
        'storage', 'v1', http=http, static_discovery=True, client_options={'api_endpoint': url}
    )


@pytest.fixture
def certificate(tmp_path):
    """A self-signed one for 127.0.0.1, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, 'Tidemark test')])
    now = datetime.datetime.now(datetime.timezone.utc)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address('127.0.0.1'))])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / 'certificate.pem'
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_api_endpoint_through_a_tls_front(tmp_path, certificate, path, content):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Tidemark(tmp_path)
    front = Proxy(server.port, context)
    url = f'https://127.0.0.1:{front.port}'
    server.start(PUBLIC_URL=url)
    try:
        http = build_http()
        http.ca_certs = certificate
        service = endpoint_at(f'{url}/storage/v1/', http)
        request = insert(service, 'tls.bin', MediaFileUpload(path, chunksize=MIB, resumable=True))
        response, progress = upload(request)
        assert request.resumable_uri.startswith(f'{url}/upload/storage/v1/b/uploads/o?')
        assert len(progress) == 5
        assert response['selfLink'].startswith(url)
        assert download(service, 'tls.bin') == content
        assert front.uploaded > len(content), 'all of it came this way'
    finally:
        server.kill()
        front.close()


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
