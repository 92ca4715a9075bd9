"""A child process that says what its documents tell it to, then ends: for tests of what the parent believes.

Standard library alone, so that one starts in a moment. A document is a line and, below it, a pickled list of bodies.
"""

import pickle
import pickletools
import socket
import struct
import sys
from pathlib import Path

READY = b"cllava_ocr.raster.channel\nReady\n)\x81."


def receive(end: socket.socket) -> bytes | None:
    """One message's body."""
    head = end.recv(8, socket.MSG_WAITALL)
    if len(head) < 8:
        return None
    [num_parts] = struct.unpack("<Q", head)
    lengths = struct.unpack(f"<{num_parts}Q", end.recv(8 * num_parts, socket.MSG_WAITALL))
    body, *_ = [end.recv(length, socket.MSG_WAITALL) for length in lengths]
    return body


def send(end: socket.socket, body: bytes) -> None:
    end.sendall(struct.pack("<QQ", 1, len(body)) + body)


def path_in(body: bytes) -> Path | None:
    """The order's path: the one string in it that names a file there is."""
    texts = [argument for _, argument, _ in pickletools.genops(body) if isinstance(argument, str)]
    return next((Path(text) for text in texts if text.startswith("/") and Path(text).is_file()), None)


def main() -> None:
    end = socket.socket(fileno=int(sys.argv[1]))
    receive(end)
    send(end, READY)
    while (body := receive(end)) is not None:
        path = path_in(body)
        if path is None:
            continue
        for said in pickle.loads(path.read_bytes().split(b"\n", 1)[1]):
            send(end, said)
        return


if __name__ == "__main__":
    main()
