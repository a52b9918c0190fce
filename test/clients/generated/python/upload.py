"""A resumable upload by the client that openapi-generator makes of openapi.yaml, through a network that breaks once.

A 308 is an answer of its own here: generated Python raises for every status that is not 2xx.
"""

import sys
import time

import tidemark_client
from tidemark_client.rest import ApiException

BASE, TOTAL, CHUNK = sys.argv[1], 3_000_000, 1024 * 1024
NAME = "python/folder/video.bin"


def content(start, end):
    return bytes((i * 31 + (i >> 8)) & 0xFF for i in range(start, end))


def persisted_of(error):
    """What a 308 says."""
    if error.status != 308:
        raise error
    header = {name.lower(): value for name, value in error.headers.items()}.get("range")
    return 0 if header is None else int(header.split("-")[1]) + 1


def send(uploads, session, start, end):
    """The object, or how much is persisted."""
    try:
        stored = uploads.upload_chunk(
            "uploads", session, content_range=f"bytes {start}-{end - 1}/{TOTAL}", body=content(start, end)
        )
        return stored, TOTAL
    except ApiException as error:
        return None, persisted_of(error)


def ask(uploads, session):
    for _ in range(300):
        try:
            uploads.upload_chunk("uploads", session, content_range="bytes */*", body=b"")
        except ApiException as error:
            return persisted_of(error)
        except Exception:
            time.sleep(0.1)
    raise AssertionError("the server did not come back")


def main():
    # Without retries of its own: the break is to be seen.
    configuration = tidemark_client.Configuration(host=BASE, retries=0)
    client = tidemark_client.ApiClient(configuration)
    uploads, objects = tidemark_client.UploadsApi(client), tidemark_client.ObjectsApi(client)

    metadata = tidemark_client.ObjectMetadata(content_type="video/mp4", metadata={"title": "Holidays"})
    begun = uploads.start_upload_with_http_info(
        "uploads", "resumable", name=NAME, x_upload_content_length=TOTAL, object_metadata=metadata
    )
    session = {name.lower(): value for name, value in begun.headers.items()}["x-guploader-uploadid"]
    _, persisted = send(uploads, session, 0, CHUNK)
    assert persisted == CHUNK, persisted

    breaks, stored = 0, None
    while stored is None:
        try:
            stored, persisted = send(uploads, session, persisted, min(persisted + CHUNK, TOTAL))
        except ApiException:
            raise
        except Exception:
            breaks += 1
            persisted = ask(uploads, session)
            assert persisted >= CHUNK, persisted
    assert breaks == 1, breaks

    assert (stored.name, stored.size, stored.content_type) == (NAME, str(TOTAL), "video/mp4"), stored
    found = objects.get_object("uploads", NAME)
    assert found.to_dict() == stored.to_dict(), found
    assert found.metadata == {"title": "Holidays"}, found.metadata
    assert bytes(objects.download_object("uploads", NAME)) == content(0, TOTAL)
    names = [item.name for item in objects.list_objects("uploads", prefix="python/").items]
    assert names == [NAME], names
    objects.delete_object("uploads", NAME)
    try:
        objects.get_object("uploads", NAME)
        raise AssertionError("it is still there")
    except ApiException as error:
        assert error.status == 404 and error.data.error.errors[0].reason == "notFound", error


main()
