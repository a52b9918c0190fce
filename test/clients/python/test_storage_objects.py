"""google-cloud-storage: what it does with objects that are there, and with their buckets."""

import pytest
from google.api_core.exceptions import BadRequest, Conflict, NotFound, PreconditionFailed
from google.cloud import storage

from storage_client import bucket_at, client_at, crc32c_of, md5_of, put


@pytest.fixture(scope='module')
def bucket(steady):
    return bucket_at(steady.url)


def names_of(blobs):
    return [blob.name for blob in blobs]


def test_what_is_there_and_what_is_not(bucket):
    blob = put(bucket, 'there')
    assert blob.exists()
    assert bucket.get_blob('there').generation == blob.generation
    assert bucket.blob('there', generation=blob.generation).exists()
    assert not bucket.blob('there', generation=blob.generation + 1).exists()
    assert bucket.get_blob('not-there') is None
    for call in (storage.Blob.reload, storage.Blob.delete, storage.Blob.download_as_bytes):
        with pytest.raises(NotFound, match='No such object: uploads/not-there'):
            call(bucket.blob('not-there'))


@pytest.mark.parametrize(
    'name',
    ['a b', 'a+b%2F', 'ä/ö#?&=', 'x/acl', 'x/o/y/compose', 'dots/../.', 'n' * 1024, '🌊' * 256],
)
def test_names(bucket, name):
    blob = put(bucket, name, 'data')
    assert name in names_of(bucket.list_blobs())
    assert bucket.get_blob(name).name == name
    assert blob.download_as_bytes() == b'data'
    blob.delete()
    assert not blob.exists()


# Changes of metadata.


def test_patch(bucket):
    blob = put(bucket, 'patched')
    generation = blob.generation
    blob.metadata, blob.content_type, blob.cache_control = {'a': '1', 'b': '2'}, 'x/y', 'no-store'
    blob.patch()
    assert (blob.metageneration, blob.generation) == (2, generation)
    blob.metadata = {'a': None, 'c': '3'}
    blob.cache_control = None
    blob.patch()
    stored = bucket.get_blob('patched')
    assert stored.metadata == {'b': '2', 'c': '3'}
    assert (stored.content_type, stored.cache_control) == ('x/y', None)
    assert stored.metageneration == 3
    assert stored.updated > stored.time_created
    assert stored.download_as_bytes() == b'patched'


def test_patch_takes_all_the_metadata_away(bucket):
    blob = bucket.blob('bare')
    blob.metadata = {'a': '1'}
    blob.upload_from_string('bare')
    blob.metadata = None
    blob.patch()
    assert bucket.get_blob('bare').metadata is None


def test_update_replaces(bucket):
    blob = put(bucket, 'updated')
    blob.metadata, blob.content_language = {'a': '1'}, 'de'
    blob.patch()
    other = bucket.blob('updated')
    other.metadata = {'b': '2'}
    other.update()
    stored = bucket.get_blob('updated')
    assert (stored.metadata, stored.content_language) == ({'b': '2'}, None)


def test_patch_if(bucket):
    blob = put(bucket, 'patched-if')
    blob.content_type = 'x/y'
    with pytest.raises(PreconditionFailed):
        blob.patch(if_metageneration_match=2)
    with pytest.raises(PreconditionFailed):
        blob.patch(if_generation_match=blob.generation + 1)
    blob.patch(if_generation_match=blob.generation, if_metageneration_match=1)
    assert bucket.get_blob('patched-if').content_type == 'x/y'


def test_reload_if(bucket):
    blob = put(bucket, 'reloaded')
    blob.reload(if_generation_match=blob.generation)
    with pytest.raises(PreconditionFailed):
        blob.reload(if_metageneration_match=7)
    blob.reload(projection='full')
    assert blob.size == len('reloaded')


def test_delete_if(bucket):
    blob = put(bucket, 'deleted')
    with pytest.raises(PreconditionFailed):
        blob.delete(if_generation_match=blob.generation + 1)
    blob.delete(if_generation_match=blob.generation)
    assert not blob.exists()


# Listing.


@pytest.fixture(scope='module')
def tree(bucket):
    names = ['tree/', 'tree/a', 'tree/b/1', 'tree/b/2', 'tree/c', 'tree/d/1', 'tree/ä', 'tree/🌊']
    for name in reversed(names):
        put(bucket, name)
    put(bucket, 'tref')
    return names


def test_list_with_a_prefix(bucket, tree):
    assert names_of(bucket.list_blobs(prefix='tree/')) == tree
    assert names_of(bucket.list_blobs(prefix='tree/b')) == ['tree/b/1', 'tree/b/2']
    assert names_of(bucket.list_blobs(prefix='nothing-there')) == []
    assert names_of(bucket.list_blobs(prefix='tree/', max_results=3)) == tree[:3]


def test_list_with_a_delimiter(bucket, tree):
    listing = bucket.list_blobs(prefix='tree/', delimiter='/')
    assert names_of(listing) == ['tree/', 'tree/a', 'tree/c', 'tree/ä', 'tree/🌊']
    assert listing.prefixes == {'tree/b/', 'tree/d/'}


@pytest.mark.parametrize('page_size', [1, 2, 3, 7, 100])
def test_list_in_pages(bucket, tree, page_size):
    listing = bucket.list_blobs(prefix='tree/', delimiter='/', page_size=page_size)
    pages = [names_of(page) for page in listing.pages]
    assert sum(pages, []) == ['tree/', 'tree/a', 'tree/c', 'tree/ä', 'tree/🌊']
    assert listing.prefixes == {'tree/b/', 'tree/d/'}
    assert len(pages) == -(-7 // page_size)


def test_list_in_pages_of_several_calls(bucket, tree):
    first = bucket.list_blobs(prefix='tree/', page_size=3)
    assert names_of(next(first.pages)) == tree[:3]
    rest = bucket.list_blobs(prefix='tree/', page_token=first.next_page_token)
    assert names_of(rest) == tree[3:]


def test_list_between_offsets(bucket, tree):
    listing = bucket.list_blobs(start_offset='tree/b/2', end_offset='tree/d/1')
    assert names_of(listing) == ['tree/b/2', 'tree/c']


def test_list_options(bucket, tree):
    listing = bucket.list_blobs(prefix='tree/', delimiter='/', include_trailing_delimiter=True)
    assert names_of(listing) == ['tree/', 'tree/a', 'tree/c', 'tree/ä', 'tree/🌊']
    assert names_of(bucket.list_blobs(match_glob='tree/*/1')) == ['tree/b/1', 'tree/d/1']
    names_only = bucket.list_blobs(prefix='tree/b/', fields='items(name),nextPageToken')
    assert [(blob.name, blob.size) for blob in names_only] == [
        ('tree/b/1', None),
        ('tree/b/2', None),
    ]


# Composing, copying, moving.


def test_compose(bucket):
    sources = [put(bucket, f'part-{letter}') for letter in 'abc']
    whole = bucket.blob('whole')
    whole.content_type, whole.metadata = 'text/plain', {'k': 'v'}
    whole.compose(sources)
    stored = bucket.get_blob('whole')
    assert stored.download_as_bytes() == b'part-apart-bpart-c'
    assert (stored.component_count, stored.md5_hash) == (3, None)
    assert stored.crc32c == crc32c_of(b'part-apart-bpart-c')
    assert (stored.content_type, stored.metadata) == ('text/plain', {'k': 'v'})
    whole.compose([whole, sources[0]])
    assert bucket.get_blob('whole').component_count == 4
    assert whole.download_as_bytes() == b'part-apart-bpart-cpart-a'


def test_compose_many(bucket, content):
    pieces = [content[start : start + 100_000] for start in range(0, 3_200_000, 100_000)]
    sources = [put(bucket, f'piece-{index}', piece) for index, piece in enumerate(pieces)]
    bucket.blob('pieces').compose(sources)
    assert bucket.blob('pieces').download_as_bytes(checksum='crc32c') == content[:3_200_000]
    with pytest.raises(BadRequest):
        bucket.blob('too-many').compose([*sources, sources[0]])
    assert not bucket.blob('too-many').exists()


def test_compose_if(bucket):
    a, b = put(bucket, 'if-a'), put(bucket, 'if-b')
    whole = bucket.blob('if-ab')
    with pytest.raises(PreconditionFailed):
        whole.compose([a, b], if_source_generation_match=[a.generation, b.generation + 1])
    with pytest.raises(NotFound):
        whole.compose([a, bucket.blob('not-there')])
    assert not whole.exists()
    whole.compose([a, b], if_generation_match=0)
    with pytest.raises(PreconditionFailed):
        whole.compose([b, a], if_generation_match=0)
    assert whole.download_as_bytes() == b'if-aif-b'


def test_a_composed_object_does_not_need_its_parts(bucket):
    parts = [put(bucket, 'gone-a'), put(bucket, 'gone-b')]
    bucket.blob('kept').compose(parts)
    bucket.delete_blobs(parts)
    assert bucket.blob('kept').download_as_bytes() == b'gone-agone-b'


def test_copy(bucket):
    blob = bucket.blob('original')
    blob.metadata = {'k': 'v'}
    blob.upload_from_string('original', content_type='text/x-own')
    copy = bucket.copy_blob(blob, bucket, 'copies/of it')
    assert (copy.metadata, copy.content_type) == ({'k': 'v'}, 'text/x-own')
    assert (copy.md5_hash, copy.crc32c) == (md5_of(b'original'), crc32c_of(b'original'))
    assert copy.generation != blob.generation
    blob.delete()
    assert copy.download_as_bytes() == b'original'


def test_copy_if(bucket):
    blob, target = put(bucket, 'copied-if'), put(bucket, 'target')
    with pytest.raises(PreconditionFailed):
        bucket.copy_blob(blob, bucket, 'target', if_generation_match=0)
    with pytest.raises(PreconditionFailed):
        bucket.copy_blob(blob, bucket, 'target', if_source_generation_match=blob.generation + 1)
    bucket.copy_blob(blob, bucket, 'target', if_generation_match=target.generation)
    assert bucket.blob('target').download_as_bytes() == b'copied-if'


def test_rewrite(bucket, content):
    source = put(bucket, 'source', content)
    target = bucket.blob('rewritten')
    assert target.rewrite(source) == (None, len(content), len(content))
    assert target.download_as_bytes() == content
    other = bucket.blob('rewritten')
    other.content_type = 'image/png'
    other.rewrite(source)
    assert bucket.get_blob('rewritten').content_type == 'image/png'


def test_what_the_client_knew_of_the_old_content(bucket):
    """It sends all it knows of an object, checksums too, which say nothing of what is to become of the object."""
    blob, source = put(bucket, 'known', 'old'), put(bucket, 'new', 'new')
    blob.rewrite(source)
    assert blob.download_as_bytes() == b'new'
    blob.compose([source, blob])
    assert blob.download_as_bytes() == b'newnew'
    blob.metadata = {'k': 'v'}
    blob.update()
    assert blob.download_as_bytes() == b'newnew'


def test_another_storage_class(bucket):
    blob = put(bucket, 'cold')
    blob.update_storage_class('COLDLINE')
    stored = bucket.get_blob('cold')
    assert (stored.storage_class, stored.download_as_bytes()) == ('COLDLINE', b'cold')


def test_rename_and_move(bucket):
    renamed = bucket.rename_blob(put(bucket, 'before'), 'between')
    assert not bucket.blob('before').exists()
    moved = bucket.move_blob(renamed, 'after/all')
    assert not bucket.blob('between').exists()
    assert moved.download_as_bytes() == b'before'


# Many at once.


def test_batch(bucket):
    blobs = [put(bucket, f'batch-{index}') for index in range(5)]
    with bucket.client.batch():
        for index, blob in enumerate(blobs):
            blob.metadata = {'index': str(index), 'text': 'grüße\n'}
            blob.patch()
    for index, blob in enumerate(blobs):
        assert bucket.get_blob(blob.name).metadata == {'index': str(index), 'text': 'grüße\n'}


def test_batch_of_which_one_fails(bucket):
    put(bucket, 'batched')
    client = bucket.client
    with client.batch(raise_exception=False) as batch:
        bucket.delete_blob('batched')
        bucket.delete_blob('not-there')
        bucket.blob('not-there').reload()
    assert [answer.status_code for answer in batch._responses] == [204, 404, 404]
    assert not bucket.blob('batched').exists()
    with pytest.raises(NotFound), client.batch():
        bucket.delete_blob('not-there')


def test_batch_of_reads(bucket):
    put(bucket, 'batch-read')
    with bucket.client.batch():
        blob = bucket.get_blob('batch-read')
    assert blob.crc32c == crc32c_of(b'batch-read')


def test_delete_blobs(bucket):
    blobs = [put(bucket, f'bulk-{index}') for index in range(3)]
    missing = []
    bucket.delete_blobs([*blobs, 'not-there'], on_error=missing.append)
    assert missing == ['not-there']
    assert names_of(bucket.list_blobs(prefix='bulk-')) == []


# Buckets.


def test_buckets(steady):
    client = client_at(steady.url)
    bucket = client.create_bucket('tide-pool')
    assert bucket.exists()
    with pytest.raises(Conflict):
        client.create_bucket('tide-pool')
    assert 'tide-pool' in [found.name for found in client.list_buckets()]
    bucket.labels = {'a': 'b'}
    bucket.patch()
    assert client.get_bucket('tide-pool').labels == {'a': 'b'}
    blob = put(bucket, 'x')
    other = put(client.bucket('uploads'), 'from-elsewhere')
    client.bucket('uploads').copy_blob(other, bucket, 'here')
    assert bucket.blob('here').download_as_bytes() == b'from-elsewhere'
    with pytest.raises(Conflict, match='not empty'):
        bucket.delete()
    bucket.delete_blobs([blob, 'here'])
    bucket.delete()
    assert client.lookup_bucket('tide-pool') is None
