"""What a client learns by asking: how much of a session the server has kept."""

import time
import urllib.error
import urllib.request


def wait_until_kept(uri, at_least):
    """The server answers with its last checkpoint, and may still be busy with what arrived before the cut."""
    while True:
        query = urllib.request.Request(uri, method='PUT', headers={'Content-Range': 'bytes */*'})
        try:
            urllib.request.urlopen(query)
        except urllib.error.HTTPError as answer:
            assert answer.code == 308
            kept = int(answer.headers.get('Range', 'bytes=0--1').split('-', 1)[1]) + 1
            if kept >= at_least:
                return kept
        time.sleep(0.02)
