"""
gsutil as people run it: a program in a process of its own, configured by a file. It speaks https alone, so a Tidemark for it
has a TLS front. It has an installation of its own, too, which run.ts names.
"""

import json
import os
import signal
import subprocess

TIMEOUT_S = 120


class Gsutil:
    """`api` is where the server is; `settings` go into the section GSUtil of its configuration."""

    def __init__(self, folder, api, certificate, **settings):
        self.state = folder / 'state'
        self._folder = folder
        self._config = folder / 'boto.cfg'
        lines = [
            '[Credentials]',
            'gs_json_host = 127.0.0.1',
            f'gs_json_port = {api.port}',
            '[Boto]',
            f'ca_certificates_file = {certificate}',
            'num_retries = 5',
            'max_retry_delay = 1',
            '[GSUtil]',
            'prefer_api = json',
            'software_update_check_period = 0',
            'parallel_process_count = 1',
            'parallel_thread_count = 1',
            f'state_dir = {self.state}',
            *(f'{name} = {value}' for name, value in settings.items()),
        ]
        self._config.write_text('\n'.join(lines) + '\n')

    def start(self, *arguments):
        """A process, and the ones that it starts, for `kill` to end together."""
        return subprocess.Popen(
            [os.environ['GSUTIL_PYTHON'], '-m', 'gslib', *map(str, arguments)],
            env={
                'PATH': os.environ['PATH'],
                'HOME': str(self._folder),
                'BOTO_CONFIG': str(self._config),
                'PYTHONPATH': os.environ.get('GSUTIL_PYTHONPATH', ''),
                'PYTHONDONTWRITEBYTECODE': '1',
            },
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def kill(self, process):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.communicate()

    def fails(self, *arguments, data=b''):
        """What it says about it."""
        status, _, errors = self._run(arguments, data)
        assert status != 0, errors
        return errors

    def __call__(self, *arguments, data=b''):
        """What it prints."""
        status, output, errors = self._run(arguments, data)
        assert status == 0, errors
        return output

    def sessions(self):
        """The URLs of the uploads that it would go on with."""
        files = self.state.glob('tracker-files/upload_TRACKER_*')
        data = [json.loads(path.read_text())['serialization_data'] for path in files]
        return [json.loads(saved)['url'] for saved in data]

    def _run(self, arguments, data):
        process = self.start(*arguments)
        try:
            output, errors = process.communicate(data, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill(process)
            raise
        return process.returncode, output, errors.decode()
