"""
DXL's own Python clients, unmodified: dxlfiletransferclient on dxlclient, against the program as their broker (dxl.md §2.4, §5.4).
They write binary as text, have no retry, and cancel what fails.
"""

import io
import time
import urllib.error
import urllib.request
from uuid import UUID

import pytest
from dxlclient.client import DxlClient
from dxlclient.client_config import DxlClientConfig
from dxlclient.service import ServiceRegistrationInfo
from dxlfiletransferclient import FileTransferClient

from dxl_fabric import Fabric
from tidemark import Tidemark


@pytest.fixture(scope='module')
def fabric(tmp_path_factory):
    return Fabric(tmp_path_factory.mktemp('fabric'))


@pytest.fixture(scope='module')
def broker(fabric, tmp_path_factory):
    server = Tidemark(tmp_path_factory.mktemp('broker'), **fabric.settings)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope='module')
def dxl(fabric, broker):
    config = DxlClientConfig.create_dxl_config_from_file(str(fabric.config))
    config.reconnect_delay = 0.1
    with DxlClient(config) as client:
        client.connect()
        yield client


@pytest.fixture
def transfer(dxl):
    return FileTransferClient(dxl)


def stored(server, name):
    with urllib.request.urlopen(
        f'{server.url}/storage/v1/b/uploads/o/{name.replace("/", "%2F")}?alt=media'
    ) as answer:
        return answer.read()


@pytest.mark.parametrize('length', [0, 1, 102_400, 300_000, 3_000_000])
@pytest.mark.parametrize('segment', [50 * 1024, 200_000, 1_000_000])
def test_a_file(transfer, broker, content, tmp_path, length, segment):
    (tmp_path / 'file').write_bytes(content[:length])
    segments = []
    name = f'{segment}/sub/{length}'
    answer = transfer.send_file_request(
        str(tmp_path / 'file'), name, max_segment_size=segment, callback=segments.append
    )
    count = max(1, -(-length // segment))
    assert str(UUID(answer.file_id)) == answer.file_id
    assert answer.size == length
    assert [result.segments_received for result in segments] == list(range(1, count + 1))
    assert segments[-1].file_result == 'store'
    assert stored(broker, name) == content[:length]


@pytest.mark.parametrize('length', [0, 100_000, 102_400])
def test_a_stream_of_unknown_size(transfer, broker, content, length):
    """It ends with an empty segment: only then the client knows that there is no more."""
    segments = []
    transfer.send_file_from_stream_request(
        io.BytesIO(content[:length]), 'stream', callback=segments.append
    )
    assert segments[-1].segments_received == -(-length // 51_200) + 1
    assert stored(broker, 'stream') == content[:length]


def test_a_file_again(transfer, broker, content):
    for length in (100_000, 70_000):
        transfer.send_file_from_stream_request(io.BytesIO(content[:length]), 'again', length)
        assert stored(broker, 'again') == content[:length]


@pytest.mark.parametrize('name', ['../outside', '/etc/outside', 'a//b', '.workdir/x'])
def test_a_name_that_is_refused(transfer, broker, content, name):
    """The client hears why, cancels, and nothing is left."""
    ids = []
    with pytest.raises(Exception, match=r'invalid file name.*\(0\)'):
        transfer.send_file_from_stream_request(
            io.BytesIO(content[:100_000]),
            name,
            100_000,
            callback=lambda result: ids.append(result.file_id),
        )
    with pytest.raises(urllib.error.HTTPError, match='404'):
        urllib.request.urlopen(f'{broker.url}/dxl/uploads/{ids[0]}')


def test_a_segment_over_the_limit(transfer, content):
    with pytest.raises(Exception, match=r'at most 1048576 bytes.*\(0\)'):
        transfer.send_file_from_stream_request(
            io.BytesIO(content[:3_000_000]), 'large', 3_000_000, max_segment_size=1_500_000
        )


def test_a_failure_in_the_caller_cancels(transfer, broker, content):
    ids = []

    def fail(result):
        ids.append(result.file_id)
        raise RuntimeError('enough')

    with pytest.raises(RuntimeError, match='enough'):
        transfer.send_file_from_stream_request(
            io.BytesIO(content[:200_000]), 'cancelled', 200_000, callback=fail
        )
    with pytest.raises(urllib.error.HTTPError, match='404'):
        urllib.request.urlopen(f'{broker.url}/dxl/uploads/{ids[0]}')


def test_killed_between_segments(dxl, transfer, broker, content):
    """The client connects again by itself, and the upload goes on where it was."""
    kills = []

    def kill(result):
        if len(kills) == 2 or result.file_result:
            return
        kills.append(result.segments_received)
        broker.kill()
        broker.start()
        deadline = time.monotonic() + 30
        while not dxl.connected and time.monotonic() < deadline:
            time.sleep(0.05)

    transfer.send_file_from_stream_request(
        io.BytesIO(content[:300_000]), 'survivor', 300_000, callback=kill
    )
    assert kills == [1, 2]
    assert stored(broker, 'survivor') == content[:300_000]


def test_a_service_registers(dxl):
    info = ServiceRegistrationInfo(dxl, '/some/service')
    dxl.register_service_sync(info, 10)
    dxl.unregister_service_sync(info, 10)
