"""
gsutil, and apitools within it: multipart with single-quoted boundaries and lines ending in LF alone, sessions begun at
`/resumable/upload/…` whose URLs it keeps in tracker files, and requests compressed on the way.
"""

import filecmp
import gzip
import os
import random
import urllib.error
import urllib.request
from urllib.parse import quote

import pytest

from certificate import context_of
from gsutil import Gsutil
from kept import wait_until_kept
from proxy import Proxy
from tidemark import Tidemark

MIB = 1024 * 1024

pytestmark = pytest.mark.skipif(
    'GSUTIL_PYTHON' not in os.environ, reason='gsutil is not installed; run.ts says why'
)


@pytest.fixture(scope='module')
def large():
    """From 8 MiB on gsutil uploads resumably."""
    return random.Random(24).randbytes(24 * MIB + 54_321)


@pytest.fixture(scope='module')
def steady_tls(tmp_path_factory, certificate):
    server = Tidemark(tmp_path_factory.mktemp('gsutil'))
    front = Proxy(server.port, context_of(certificate))
    server.start(PUBLIC_URL=front.url)
    yield server, front
    server.kill()
    front.close()


@pytest.fixture
def gsutil(tmp_path, certificate, steady_tls):
    """At a server that stays up."""
    _, front = steady_tls
    return Gsutil(tmp_path, front, certificate)


def read(server, name):
    url = f'{server.url}/storage/v1/b/uploads/o/{quote(name, safe="")}?alt=media'
    with urllib.request.urlopen(url) as answer:
        return answer.read()


def is_there(server, name):
    try:
        read(server, name)
    except urllib.error.HTTPError as answer:
        assert answer.code == 404
        return False
    return True


def test_small_files_there_and_back(gsutil, steady_tls, tmp_path):
    """Among them some that look like the boundaries around them."""
    server, _ = steady_tls
    files = {
        'empty': b'',
        'one': b'1',
        'a b&ä.txt': 'grüße\n'.encode(),
        'cr': b'ends in \r',
        'lf': b'ends in \n',
        'nearly': b"\n--===============\n--'===============\r\n--",
        'bytes': bytes(range(256)) * 4000,
    }
    for folder in ('there', 'back'):
        (tmp_path / folder).mkdir()
    for name, data in files.items():
        (tmp_path / 'there' / name).write_bytes(data)
    gsutil('cp', tmp_path / 'there' / '*', 'gs://uploads/small/')
    for name, data in files.items():
        assert read(server, f'small/{name}') == data
    gsutil('cp', 'gs://uploads/small/*', tmp_path / 'back')
    for name, data in files.items():
        assert (tmp_path / 'back' / name).read_bytes() == data


def test_100_mib_there_and_back(gsutil, huge, tmp_path):
    gsutil('cp', huge, 'gs://uploads/huge')
    gsutil('cp', 'gs://uploads/huge', tmp_path / 'back')
    assert filecmp.cmp(huge, tmp_path / 'back', shallow=False)


def test_a_stream_there_and_back(gsutil, large):
    gsutil('cp', '-', 'gs://uploads/stream', data=large)
    assert gsutil('cat', 'gs://uploads/stream') == large
    assert gsutil('cat', '-r', '1000-9999', 'gs://uploads/stream') == large[1000:10_000]


def test_compressed_on_the_way(gsutil, steady_tls, tmp_path):
    """A small and a large upload, stored as what they are."""
    server, front = steady_tls
    texts = {'small.txt': b'in and out, ' * 100_000, 'large.txt': b'ebb and flow, ' * 1_000_000}
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text)
    uploaded = front.uploaded
    gsutil('cp', '-J', *(tmp_path / name for name in texts), 'gs://uploads/on-the-way/')
    assert front.uploaded - uploaded < MIB
    for name, text in texts.items():
        assert read(server, f'on-the-way/{name}') == text


def test_stored_compressed(gsutil, steady_tls, tmp_path):
    server, _ = steady_tls
    (tmp_path / 'text.txt').write_bytes(b'in and out, ' * 100_000)
    gsutil('cp', '-Z', tmp_path / 'text.txt', 'gs://uploads/zipped.txt')
    stat = gsutil('stat', 'gs://uploads/zipped.txt').decode()
    assert ['Content-Encoding:', 'gzip'] in [line.split() for line in stat.splitlines()]
    gsutil('cp', 'gs://uploads/zipped.txt', tmp_path / 'back')
    assert filecmp.cmp(tmp_path / 'text.txt', tmp_path / 'back', shallow=False)
    assert gzip.decompress(read(server, 'zipped.txt')) == b'in and out, ' * 100_000


def test_ls_stat_hash(gsutil, tmp_path):
    for name in ('a', 'b'):
        (tmp_path / 'tree' / name).mkdir(parents=True)
        (tmp_path / 'tree' / name / 'hello').write_bytes(b'hello')
    gsutil('cp', '-r', tmp_path / 'tree', 'gs://uploads')
    assert gsutil('ls', 'gs://uploads/tree').split() == [
        b'gs://uploads/tree/a/',
        b'gs://uploads/tree/b/',
    ]
    listed = gsutil('ls', '-l', 'gs://uploads/tree/**').decode().splitlines()
    sizes = [(line.split()[0], line.split()[2]) for line in listed[:2]]
    assert sizes == [(str(5), f'gs://uploads/tree/{name}/hello') for name in 'ab']
    stat = gsutil('stat', 'gs://uploads/tree/a/hello').decode()
    assert 'XUFAKrxLKna5cZ2REBfFkg==' in stat
    assert 'mnG7TA==' in stat
    assert 'No URLs matched' in gsutil.fails('stat', 'gs://uploads/tree/c')


def test_setmeta_compose_mv_rm(gsutil, steady_tls, tmp_path):
    server, _ = steady_tls
    for name in ('x', 'y'):
        (tmp_path / name).write_text(name)
    gsutil('cp', tmp_path / 'x', tmp_path / 'y', 'gs://uploads/parts/')
    gsutil('setmeta', '-h', 'Content-Type:text/x-own', 'gs://uploads/parts/x')
    gsutil('compose', 'gs://uploads/parts/x', 'gs://uploads/parts/y', 'gs://uploads/parts/xy')
    gsutil('mv', 'gs://uploads/parts/xy', 'gs://uploads/moved')
    assert read(server, 'moved') == b'xy'
    assert 'text/x-own' in gsutil('stat', 'gs://uploads/moved').decode()
    gsutil('rm', 'gs://uploads/moved', 'gs://uploads/parts/*')
    assert not any(is_there(server, name) for name in ('moved', 'parts/x', 'parts/xy'))


def test_buckets(gsutil, tmp_path):
    (tmp_path / 'x').touch()
    gsutil('mb', '-p', 'any', 'gs://tide-gauge')
    gsutil('cp', tmp_path / 'x', 'gs://tide-gauge')
    assert b'gs://tide-gauge/' in gsutil('ls', '-p', 'any').split()
    assert 'BucketNotEmpty (tide-gauge)' in gsutil.fails('rb', 'gs://tide-gauge')
    gsutil('rm', '-r', 'gs://tide-gauge')
    assert 'bucket does not exist' in gsutil.fails('ls', 'gs://tide-gauge')


def test_a_precondition(gsutil, steady_tls, tmp_path):
    server, _ = steady_tls
    (tmp_path / 'first').write_text('first')
    (tmp_path / 'second').write_text('second')
    only_once = ('-h', 'x-goog-if-generation-match:0', 'cp')
    gsutil(*only_once, tmp_path / 'first', 'gs://uploads/once')
    assert 'PreconditionException: 412' in gsutil.fails(
        *only_once, tmp_path / 'second', 'gs://uploads/once'
    )
    assert read(server, 'once') == b'first'


@pytest.mark.parametrize('length', [100_000, 9 * MIB])
def test_a_wrong_checksum_is_refused(gsutil, steady_tls, large, tmp_path, length):
    """The checksum is that of `hello`."""
    server, _ = steady_tls
    (tmp_path / 'file').write_bytes(large[:length])
    declared = ('-h', 'Content-MD5:XUFAKrxLKna5cZ2REBfFkg==')
    errors = gsutil.fails(*declared, 'cp', tmp_path / 'file', 'gs://uploads/wrong')
    assert 'Provided MD5 hash "XUFAKrxLKna5cZ2REBfFkg=="' in errors
    assert not is_there(server, 'wrong')


@pytest.mark.parametrize('length', [2 * MIB, 9 * MIB])
def test_a_spoilt_byte_is_noticed(gsutil, steady_tls, large, tmp_path, length):
    """By gsutil itself, which compares, and takes the object away again."""
    server, front = steady_tls
    (tmp_path / 'file').write_bytes(large[:length])
    front.spoil_after(MIB)
    assert 'HashMismatch' in gsutil.fails('cp', tmp_path / 'file', 'gs://uploads/spoilt')
    assert not is_there(server, 'spoilt')


# Breaks, for which the server and what is in front of it are the test's own.


@pytest.fixture
def path(tmp_path, large):
    path = tmp_path / 'large.bin'
    path.write_bytes(large)
    return path


def test_a_cut_upload_goes_on(tls, tmp_path, certificate, path, large):
    server, front = tls
    front.cut_after(16 * MIB)
    Gsutil(tmp_path, front, certificate)('cp', path, 'gs://uploads/cut')
    assert front.cuts == 1
    assert read(server, 'cut') == large


def test_a_cut_stream_goes_on(tls, tmp_path, certificate, large):
    server, front = tls
    gsutil = Gsutil(tmp_path, front, certificate, json_resumable_chunk_size=MIB)
    front.cut_after(16 * MIB)
    gsutil('cp', '-', 'gs://uploads/cut', data=large)
    assert front.cuts == 1
    assert read(server, 'cut') == large


def test_the_last_answer_is_lost(tls, tmp_path, certificate, path, large):
    server, front = tls
    front.lose_answer_after(len(large))
    Gsutil(tmp_path, front, certificate)('cp', path, 'gs://uploads/last')
    assert front.cuts == 1
    assert front.uploaded < len(large) + MIB, 'the data was not sent again'
    assert read(server, 'last') == large


def test_a_killed_server_and_the_upload_goes_on(tls, tmp_path, certificate, path, large):
    server, front = tls
    gsutil = Gsutil(tmp_path, front, certificate, json_resumable_chunk_size=2 * MIB)
    front.fall_silent_after(9 * MIB)
    process = gsutil.start('cp', path, 'gs://uploads/killed')
    try:
        assert front.is_silent.wait(60)
        server.kill()
        server.start()
        front.speak()
        assert process.wait(60) == 0
    finally:
        gsutil.kill(process)
    assert front.uploaded < len(large) + 4 * MIB, 'what had arrived was not sent again'
    assert read(server, 'killed') == large


def kill_in_the_middle(gsutil, front, *arguments, after):
    """The URL of the session that this leaves."""
    front.fall_silent_after(after)
    process = gsutil.start(*arguments)
    try:
        assert front.is_silent.wait(60)
    finally:
        gsutil.kill(process)
        front.speak()
    [session] = gsutil.sessions()
    assert session.startswith(f'{front.url}/resumable/upload/storage/v1/b/uploads/o?')
    return session


@pytest.mark.parametrize('is_server_killed', [False, True])
def test_a_killed_gsutil_goes_on(tls, tmp_path, certificate, path, large, is_server_killed):
    """In another process, which finds the session's URL in the tracker file of the first."""
    server, front = tls
    gsutil = Gsutil(tmp_path, front, certificate)
    session = kill_in_the_middle(gsutil, front, 'cp', path, 'gs://uploads/resumed', after=17 * MIB)
    kept = wait_until_kept(session.replace(front.url, server.url), 16 * MIB)
    if is_server_killed:
        server.kill()
        server.start()
    uploaded = front.uploaded
    gsutil('cp', path, 'gs://uploads/resumed')
    assert front.uploaded - uploaded < len(large) - kept + MIB
    assert gsutil.sessions() == []
    assert read(server, 'resumed') == large


def test_404_start_over(tls, tmp_path, certificate, path, large):
    server, front = tls
    gsutil = Gsutil(tmp_path, front, certificate)
    kill_in_the_middle(gsutil, front, 'cp', path, 'gs://uploads/lost', after=9 * MIB)
    server.kill()
    server.forget()
    server.start()
    gsutil('cp', path, 'gs://uploads/lost')
    assert read(server, 'lost') == large


def test_a_cut_download_goes_on(tls, tmp_path, certificate, path):
    _, front = tls
    gsutil = Gsutil(tmp_path, front, certificate)
    gsutil('cp', path, 'gs://uploads/down')
    front.cut_answers_after(16 * MIB)
    gsutil('cp', 'gs://uploads/down', tmp_path / 'back')
    assert front.cuts == 1
    assert filecmp.cmp(path, tmp_path / 'back', shallow=False)
