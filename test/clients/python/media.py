"""
google-resumable-media as its users set it up: the library moves bytes, URLs and a requests.Session are the caller's.

The strategy for retries is an attribute of each upload and download; the default waits for seconds, up to ten minutes of them.
"""

import base64
import hashlib
import io
from urllib.parse import quote, urlencode

import google_crc32c
from google.resumable_media.common import RetryStrategy
from google.resumable_media.requests import Download, ResumableUpload

MIB = 1024 * 1024
GRANULE = 256 * 1024


def upload_url(server_url, upload_type, **query):
    query = urlencode({'uploadType': upload_type, **query})
    return f'{server_url}/upload/storage/v1/b/uploads/o?{query}'


def resource_url(server_url, name):
    return f'{server_url}/storage/v1/b/uploads/o/{quote(name, safe="")}'


def media_url(server_url, name):
    return f'{server_url}/download/storage/v1/b/uploads/o/{quote(name, safe="")}?alt=media'


def with_retries(count, transfer):
    transfer._retry_strategy = RetryStrategy(max_retries=count, initial_delay=0.01, max_sleep=0.1)
    return transfer


def begin(transport, server_url, name, content, chunk_size=MIB, query=None, **options):
    """An initiated upload of bytes, which does not try anything twice unless it is told to."""
    metadata = {'name': name, **options.pop('metadata', {})}
    is_final = options.pop('stream_final', True)
    url = upload_url(server_url, 'resumable', **(query or {}))
    upload = with_retries(0, ResumableUpload(url, chunk_size, **options))
    stream = io.BytesIO(content)
    upload.initiate(transport, stream, metadata, 'image/png', stream_final=is_final)
    return upload


def finish(upload, transport):
    """The loop of the documentation. Answers the object's resource and the progress on the way."""
    progress = []
    while not upload.finished:
        response = upload.transmit_next_chunk(transport)
        progress.append(upload.bytes_uploaded)
    return response.json(), progress


def read(transport, server_url, name, checksum='crc32c'):
    stream = io.BytesIO()
    Download(media_url(server_url, name), stream=stream, checksum=checksum).consume(transport)
    return stream.getvalue()


def md5_of(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def crc32c_of(data):
    return base64.b64encode(google_crc32c.Checksum(data).digest()).decode()
