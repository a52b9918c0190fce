"""Fixtures: a running server, a bad network in front of it, and something to upload."""

import random

import pytest

from api_client import discovered_at, service_at
from certificate import context_of, write_certificate
from proxy import Proxy
from tidemark import Tidemark

MIB = 1024 * 1024


@pytest.fixture
def server(tmp_path):
    """One of the test's own, to kill."""
    server = Tidemark(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def network(server):
    proxy = Proxy(server.port)
    yield proxy
    proxy.close()


@pytest.fixture(scope='session')
def steady(tmp_path_factory):
    """A server that stays up. Tests share its bucket, so each has names of its own."""
    server = Tidemark(tmp_path_factory.mktemp('steady'))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def steady_network(steady):
    proxy = Proxy(steady.port)
    yield proxy
    proxy.close()


@pytest.fixture(scope='session', params=['the document of the client', 'our document'])
def service(steady, request):
    """google-api-python-client at the server that stays up, made from either discovery document."""
    is_ours = request.param == 'our document'
    return discovered_at(steady.url) if is_ours else service_at(steady.url)


@pytest.fixture(scope='session')
def certificate(tmp_path_factory):
    path = tmp_path_factory.mktemp('tls') / 'certificate.pem'
    write_certificate(path)
    return path


@pytest.fixture
def tls(tmp_path, certificate):
    """A server of the test's own and the TLS front of it, whose address is in its answers in all of its lives."""
    server = Tidemark(tmp_path)
    front = Proxy(server.port, context_of(certificate))
    server.settings['PUBLIC_URL'] = front.url
    server.start()
    yield server, front
    server.kill()
    front.close()


@pytest.fixture(scope='session')
def content():
    """Just over 5 MiB, the same in every run."""
    return random.Random(2).randbytes(5 * MIB + 54_321)


@pytest.fixture
def path(tmp_path, content):
    path = tmp_path / 'content.bin'
    path.write_bytes(content)
    return path


@pytest.fixture(scope='session')
def huge(tmp_path_factory):
    """A file of 100 MiB, of which every MiB is another."""
    path = tmp_path_factory.mktemp('huge') / 'huge.bin'
    rest = random.Random(4).randbytes(MIB - 8)
    with path.open('wb') as file:
        for index in range(100):
            file.write(index.to_bytes(8, 'big') + rest)
    return path
