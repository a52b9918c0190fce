"""
A bad network: a loopback proxy that cuts a connection after so many bytes, in either direction, falls silent, loses an answer
or spoils a byte. With an SSL context it also is the TLS front of a server that speaks plain HTTP.

Each connection has one thread for both of its directions: two threads must not share a TLS socket.
"""

import select
import socket
import ssl
import struct
import threading

RESET = struct.pack('ii', 1, 0)
"""For SO_LINGER: close with a reset, at once, and not with a polite end."""


class Proxy:
    def __init__(self, target_port, ssl_context=None):
        self._target_port = target_port
        self._ssl = ssl_context
        self._lock = threading.Lock()
        self._to_server, self._to_client = Way(), Way()
        self.cuts = 0
        self.is_silent = threading.Event()
        self._speaks = threading.Event()
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.port = self._listener.getsockname()[1]
        self.url = f'{"http" if ssl_context is None else "https"}://127.0.0.1:{self.port}'
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def uploaded(self):
        """Bytes that went on to the server, over all connections."""
        return self._to_server.passed

    @property
    def downloaded(self):
        """Bytes that went on to the client, over all connections."""
        return self._to_client.passed

    def cut_after(self, count):
        """Lets exactly `count` more bytes pass to the server, then resets the connection."""
        self._arm(self._to_server, 'cut', count)

    def lose_answer_after(self, count):
        """Lets `count` more bytes pass, then resets the connection on which the server answers next, without the answer."""
        self._arm(self._to_server, 'lose', count)

    def fall_silent_after(self, count):
        """Lets exactly `count` more bytes pass to the server, and then nothing on this connection, which stays open."""
        self._arm(self._to_server, 'hold', count)

    def speak(self):
        """Ends the silence, and the connection with it."""
        self._speaks.set()

    def spoil_after(self, count):
        """Changes one bit of the byte that follows the next `count` bytes to the server."""
        self._arm(self._to_server, 'spoil', count)

    def cut_answers_after(self, count):
        """Lets exactly `count` more bytes pass to the client, then resets the connection."""
        self._arm(self._to_client, 'cut', count)

    def spoil_answers_after(self, count):
        """Changes one bit of the byte that follows the next `count` bytes to the client."""
        self._arm(self._to_client, 'spoil', count)

    def close(self):
        self.speak()
        self._listener.close()

    def _arm(self, way, fault, count):
        with self._lock:
            way.fault, way.left = fault, count

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client):
        try:
            if self._ssl is not None:
                client = self._ssl.wrap_socket(client, server_side=True)
            with client, socket.create_connection(('127.0.0.1', self._target_port)) as server:
                self._exchange(client, server)
        except OSError:
            client.close()

    def _exchange(self, client, server):
        while True:
            for end in ready(client, server):
                data = end.recv(65536)
                if not data:
                    return
                with self._lock:
                    data, fault = self._pass(data, is_answer=end is server)
                (client if end is server else server).sendall(data)
                if fault == 'cut':
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    return
                if fault == 'hold':
                    self.is_silent.set()
                    self._speaks.wait()
                    return

    def _pass(self, data, is_answer):
        """What of the data goes on, and how the connection ends behind it, if it does."""
        if is_answer and self._to_server.has_lost():
            data, fault = b'', 'cut'
        else:
            data, fault = (self._to_client if is_answer else self._to_server).take(data)
        self.cuts += fault == 'cut'
        return data, fault


class Way:
    """One direction, over all connections, with at most one fault ahead."""

    def __init__(self):
        self.passed = 0
        self.fault, self.left = None, 0

    def take(self, data):
        end = None
        if self.fault in ('cut', 'hold') and self.left <= len(data):
            data, end, self.fault = data[: self.left], self.fault, None
        if self.fault == 'spoil' and self.left < len(data):
            data, self.fault = with_a_wrong_bit(data, self.left), None
        self.left -= len(data)
        self.passed += len(data)
        return data, end

    def has_lost(self):
        """Whether it is the answer to these bytes that gets lost: true once."""
        is_lost = self.fault == 'lose' and self.left <= 0
        if is_lost:
            self.fault = None
        return is_lost


def ready(client, server):
    """The sockets that have something to read. What TLS has already decrypted no longer shows on its socket."""
    if isinstance(client, ssl.SSLSocket) and client.pending():
        return [client]
    return select.select([client, server], [], [])[0]


def with_a_wrong_bit(data, position):
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
