"""A line between clients and forebay on which answers get lost."""

import contextlib
import socket
import threading

HTTP2_PREFACE, HEADERS = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 1
PASS, SWALLOW = True, False


class Proxy:
    """Hands on what clients send, and asks `fate` about each answer that comes back: PASS, or SWALLOW, which cuts the
    connection before the client has seen any of the answer.

    `fate` is called one at a time. Over HTTP/1.1 an answer is whatever the server writes at once, over HTTP/2 it begins
    with the frame of its headers: others, such as settings, are handed on.
    """

    def __init__(self, address, fate):
        self._address = address
        self._fate = fate
        self._asking = threading.Lock()
        self._open = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.passed = self.swallowed = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        # Closing alone would not wake the one that accepts.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(60)
        for one in list(self._open):
            cut(one)

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        """Both ways of one connection, until one side ends it or an answer is swallowed."""
        # Where forebay listens is asked anew: another one may have taken its place.
        host, _, port = self._address().rpartition(":")
        with client, contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=60) as server:
            server.settimeout(None)
            self._open |= {client, server}
            first = client.recv(65536)
            server.sendall(first)
            answers = Frames() if first.startswith(HTTP2_PREFACE[: len(first)]) else Chunks()
            back = threading.Thread(target=self._back, args=(server, client, answers), daemon=True)
            back.start()
            with contextlib.suppress(OSError):
                while first and (sent := client.recv(65536)):
                    server.sendall(sent)
            cut(server)
            back.join()
            self._open -= {client, server}

    def _back(self, server, client, answers):
        with contextlib.suppress(OSError):
            while content := server.recv(65536):
                for piece, is_answer in answers.pieces(content):
                    if is_answer and not self._passes():
                        cut(client)
                        return
                    client.sendall(piece)
        cut(client)

    def _passes(self):
        with self._asking:
            if self._fate() is PASS:
                self.passed += 1
                return True
            self.swallowed += 1
            return False


class Chunks:
    """What comes over HTTP/1.1."""

    def pieces(self, content):
        """The content, and that it is an answer."""
        yield content, True


class Frames:
    """What comes over HTTP/2, frame by frame."""

    def __init__(self):
        self._rest = b""
        self._answered = set()

    def pieces(self, content):
        """Every frame that is whole by now, and whether an answer begins with it."""
        self._rest += content
        while len(self._rest) >= 9 and len(self._rest) >= (size := 9 + int.from_bytes(self._rest[:3])):
            frame, self._rest = self._rest[:size], self._rest[size:]
            stream = int.from_bytes(frame[5:9])
            # The trailers of an answer are headers too.
            begins = frame[3] == HEADERS and stream not in self._answered
            if begins:
                self._answered.add(stream)
            yield frame, begins


def cut(connection):
    """Ends a connection for both sides, and wakes whoever reads from it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
