"""Ports of programs that do not let the system choose."""

import socket

_reserved = []


def free_port():
    """A port of the loopback that nobody else is given until this process ends, also while its server is stopped.

    A socket that is bound and never listens sees to that; servers that set SO_REUSEADDR, as they all do, can listen beside
    it.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    _reserved.append(holder)
    return holder.getsockname()[1]
