"""The program as people run it, in a process of its own on a free loopback port, over a data directory that outlives it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
START_UP_S = 20


class Tidemark:
    """`start` and `kill` (−9) it as often as you like: port, data and settings stay the same."""

    def __init__(self, folder, **settings):
        self.data = folder / 'data'
        self.port = free_port()
        self.url = f'http://127.0.0.1:{self.port}'
        self._log = folder / 'server.log'
        self.settings = settings
        self._process = None

    def start(self, **settings):
        """Further settings by their names without TIDEMARK_, for this life only."""
        named = {f'TIDEMARK_{name}': value for name, value in {**self.settings, **settings}.items()}
        with self._log.open('ab') as log:
            self._process = subprocess.Popen(
                [os.environ.get('NODE', ROOT / 'node_modules/.bin/node'), ROOT / 'src/main.ts'],
                env={
                    'PATH': os.environ['PATH'],
                    'TIDEMARK_PORT': str(self.port),
                    'TIDEMARK_DATA_DIR': str(self.data),
                    **named,
                },
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_UP_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f'the server did not start:\n{self._log.read_text()}')
            time.sleep(0.02)

    def kill(self):
        """kill −9: nothing is said to anybody. Returns when the process is gone."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def plan_faults(self, *instructions):
        """Starts it anew as a server that fails like this at uploads with the answered headers, one fault each."""
        self.kill()
        self.start(FAULTS='on')
        plan = {'instructions': {'storage.objects.insert': instructions}}
        request = urllib.request.Request(f'{self.url}/retry_test', json.dumps(plan).encode())
        request.add_header('Content-Type', 'application/json')
        with urllib.request.urlopen(request) as answer:
            return {'x-retry-test-id': json.load(answer)['id']}

    def has_met(self, headers):
        """Whether all the faults of a plan have happened."""
        with urllib.request.urlopen(
            f'{self.url}/retry_test/{headers["x-retry-test-id"]}'
        ) as answer:
            return json.load(answer)['completed']

    def forget(self):
        """Throws the data of a killed server away."""
        shutil.rmtree(self.data)

    def _answers(self):
        try:
            with urllib.request.urlopen(f'{self.url}/-/livez', timeout=1):
                return True
        except OSError:
            return False


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]
