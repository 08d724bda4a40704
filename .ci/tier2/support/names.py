"""A DNS server that knows some names, and a module of the C library for looking names up that must never be loaded."""

import random
import socket
import struct
import subprocess
import threading

# resolv.conf knows no port but this one, so it is the address that differs from run to run.
PORT = 53
NO_SUCH_NAME = 3

# It needs no library itself, so that it can be loaded into whatever asks for it; that ends at once then.
MODULE = """
__attribute__((constructor)) static void loaded(void) { __builtin_trap(); }
"""


class Names:
    """Answers that these names are at 127.0.0.1, and that there are no others."""

    def __init__(self, *names):
        self._names = names
        self._thread = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._bind()
        self.address = self._socket.getsockname()[0]
        self.asked = set()

    def _bind(self):
        for _ in range(99):
            try:
                address = ".".join(str(random.randint(1, 254)) for _ in range(3))
                return self._socket.bind((f"127.{address}", PORT))
            except OSError as error:
                taken = error
        raise taken

    def __enter__(self):
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        # Nothing is asked: that is the end.
        self._socket.sendto(b"", (self.address, PORT))
        self._thread.join()
        self._socket.close()

    def _serve(self):
        while True:
            query, client = self._socket.recvfrom(512)
            if not query:
                return
            self._socket.sendto(self._answer(query), client)

    def _answer(self, query):
        """RFC 1035, section 4.1: a header of 12 bytes, then the question: lengths and labels, a zero, type and class."""
        labels, place = [], 12
        while length := query[place]:
            labels.append(query[place + 1 : place + 1 + length].decode())
            place += 1 + length
        question, name = query[12 : place + 5], ".".join(labels)
        self.asked.add(name)
        is_known = name in self._names
        (kind,) = struct.unpack_from("!H", query, place + 1)
        # The name stands at byte 12; a record of type A, class IN, for a second.
        records = [struct.pack("!HHHIH4B", 0xC00C, 1, 1, 1, 4, 127, 0, 0, 1)] if is_known and kind == 1 else []
        flags = 0x8180 if is_known else 0x8180 | NO_SUCH_NAME
        return query[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + question + b"".join(records)


def put_module(root, name):
    """A module for looking names up, where the C library of this machine finds it; who loads it dies."""
    triplet = subprocess.run(["cc", "-print-multiarch"], capture_output=True, check=True, text=True).stdout.strip()
    folder = root / "lib" / triplet
    folder.mkdir(parents=True)
    source = folder / "module.c"
    source.write_text(MODULE)
    library = folder / f"libnss_{name}.so.2"
    subprocess.run(["cc", "-shared", "-fPIC", "-nostdlib", "-o", library, source], check=True)
