"""google-cloud-storage as its users point it at a server of their own."""

import base64
import hashlib

import google_crc32c
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

MIB = 1024 * 1024

QUICK = DEFAULT_RETRY.with_delay(initial=0.02, maximum=0.2).with_timeout(60)
"""The library's own retries, which otherwise begin after up to a second. Some calls must be asked for them at all."""


def client_at(url, conversation=None):
    """What `conversation` is given, a list, grows with each request: its method, its URL and the status of its answer."""
    session = AuthorizedSession(AnonymousCredentials())
    if conversation is not None:
        session.hooks['response'].append(
            lambda answer, **_: conversation.append(
                (answer.request.method, answer.request.url, answer.status_code)
            )
        )
    return storage.Client(
        project='any',
        credentials=AnonymousCredentials(),
        client_options={'api_endpoint': url},
        _http=session,
    )


def bucket_at(url, conversation=None):
    """Asked for, not just named: or else the client asks for it on its own, in the background, at a moment of its choice."""
    return client_at(url, conversation).get_bucket('uploads')


def put(bucket, name, data=None, **options):
    """A small object, its data the name unless told otherwise."""
    blob = bucket.blob(name)
    blob.upload_from_string(name if data is None else data, **options)
    return blob


def md5_of(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def crc32c_of(data):
    return base64.b64encode(google_crc32c.Checksum(data).digest()).decode()
