"""
A bad network: a loopback proxy that cuts a connection after so many bytes, or loses an answer. With an SSL context it also is the TLS front of a
server that speaks plain HTTP.
"""

import socket
import struct
import threading

RESET = struct.pack('ii', 1, 0)
"""For SO_LINGER: close with a reset, at once, and not with a polite end."""


class Proxy:
    def __init__(self, target_port, ssl_context=None):
        self._target_port = target_port
        self._ssl = ssl_context
        self._lock = threading.Lock()
        self._left = None
        self._loses_answer = False
        self.uploaded = 0
        """Bytes that went on to the server, over all connections."""
        self.cuts = 0
        self._listener = socket.create_server(('127.0.0.1', 0))
        self.port = self._listener.getsockname()[1]
        self.url = f'http://127.0.0.1:{self.port}'
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, count):
        """Lets exactly `count` more bytes pass to the server, then resets the connection."""
        with self._lock:
            self._left, self._loses_answer = count, False

    def lose_answer_after(self, count):
        """Lets `count` more bytes pass, then resets the connection on which the server answers next, without the answer."""
        with self._lock:
            self._left, self._loses_answer = count, True

    def close(self):
        self._listener.close()

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
            server = socket.create_connection(('127.0.0.1', self._target_port))
        except OSError:
            client.close()
            return
        threading.Thread(target=self._answers, args=[server, client], daemon=True).start()
        try:
            self._requests(client, server)
        except OSError:
            pass
        client.close()
        hang_up(server)

    def _requests(self, client, server):
        while data := client.recv(65536):
            data, is_cut = self._pass(data)
            server.sendall(data)
            if is_cut:
                self.cuts += 1
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return

    def _pass(self, data):
        """What of the data goes on, and whether the cut is behind it."""
        is_cut = False
        with self._lock:
            if self._left is not None and not self._loses_answer:
                is_cut = self._left <= len(data)
                data = data[: self._left]
            if self._left is not None:
                self._left = None if is_cut else self._left - len(data)
            self.uploaded += len(data)
        return data, is_cut

    def _answers(self, server, client):
        try:
            while data := server.recv(65536):
                if self._is_lost():
                    # Wakes the other thread, which closes.
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    client.shutdown(socket.SHUT_RD)
                    return
                client.sendall(data)
        except OSError:
            pass
        hang_up(client)
        hang_up(server)

    def _is_lost(self):
        with self._lock:
            is_lost = self._loses_answer and self._left is not None and self._left <= 0
            if is_lost:
                self._left, self.cuts = None, self.cuts + 1
        return is_lost


def hang_up(end):
    """Wakes the thread that waits for this socket, too."""
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()
