"""
google-api-python-client as its users set it up for a server of their own, and their loops from its documentation
(docs/media.md and docs/start.md of that project).

The client's own option for this, `api_endpoint`, changes only the host of upload URLs and leaves them at https (see
test_api_client_endpoint.py). A server without TLS is therefore named in the discovery document: the server's own, or the one
that comes with the client, with another rootUrl.
"""

import http.client
import io
import json
import time
from importlib import resources

import httplib2
from googleapiclient.discovery import build, build_from_document
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseDownload, build_http

DEADLINE_S = 60


def bundled_document():
    documents = resources.files('googleapiclient.discovery_cache') / 'documents'
    return json.loads((documents / 'storage.v1.json').read_text())


def service_at(url):
    return build_from_document({**bundled_document(), 'rootUrl': f'{url}/'}, http=build_http())


def discovered_at(url, path='discovery/v1/apis/{api}/{apiVersion}/rest'):
    """From the server's own document. The client would keep that for a day, and ports are used again."""
    return build(
        'storage',
        'v1',
        http=build_http(),
        discoveryServiceUrl=f'{url}/{path}',
        cache_discovery=False,
    )


def insert(service, name, media, **parameters):
    return service.objects().insert(bucket='uploads', name=name, media_body=media, **parameters)


def upload(request, http=None, num_retries=0):
    """The loop of the documentation. Answers the object's resource and the progress on the way."""
    response, progress = None, []
    while response is None:
        status, response = request.next_chunk(http=http, num_retries=num_retries)
        if status:
            progress.append(status.resumable_progress)
    return response, progress


def upload_stubbornly(request):
    """
    The same over a bad network: a 5xx or a broken connection is followed by the next call, which asks the server how far it
    got. Answers the resource and how often it broke.
    """
    response, breaks, deadline = None, 0, time.monotonic() + DEADLINE_S
    while response is None:
        try:
            _, response = request.next_chunk()
        except HttpError as error:
            if error.resp.status not in (500, 502, 503, 504):
                raise
            breaks += 1
        except (OSError, httplib2.HttpLib2Error, http.client.HTTPException):
            breaks += 1
            time.sleep(0.02)
        assert time.monotonic() < deadline, 'the upload does not come to an end'
    return response, breaks


def download(service, name, chunksize=1024 * 1024):
    fd = io.BytesIO()
    downloader = MediaIoBaseDownload(
        fd, service.objects().get_media(bucket='uploads', object=name), chunksize=chunksize
    )
    done = False
    while not done:
        _, done = downloader.next_chunk()
    return fd.getvalue()
