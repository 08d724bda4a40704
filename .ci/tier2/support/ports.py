"""Ports of programs that do not let the system choose."""

import random
import socket


def free_port():
    """A port of the loopback that is free now.

    It lies below the range from which the system gives ports to outgoing connections, so that it is still free when a
    stopped server wants it back.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            # As servers do; otherwise a port with connections that are winding up would pass for taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
