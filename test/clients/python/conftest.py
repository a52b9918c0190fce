"""Fixtures: a running server, a bad network in front of it, and the client pointed at either."""

import random

import pytest

from client import service_at
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


@pytest.fixture(scope='session')
def service(tmp_path_factory):
    """The client at a server that stays up."""
    server = Tidemark(tmp_path_factory.mktemp('steady'))
    server.start()
    yield service_at(server.url)
    server.kill()


@pytest.fixture
def network(server):
    proxy = Proxy(server.port)
    yield proxy
    proxy.close()


@pytest.fixture(scope='session')
def content():
    """Just over 5 MiB, the same in every run."""
    return random.Random(2).randbytes(5 * MIB + 54_321)


@pytest.fixture
def path(tmp_path, content):
    path = tmp_path / 'content.bin'
    path.write_bytes(content)
    return path
