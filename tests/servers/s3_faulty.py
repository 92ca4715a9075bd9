"""An S3 server that answers every request with one fault: an error code, a body cut short, a body that never ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore import UNSIGNED
from botocore.config import Config

ETAG = "0123456789abcdef"


@dataclass(frozen=True)
class Fault:
    """Status and error code; with status 200 the body stops after one byte, and `hangs` or closes there."""

    status: int = 200
    code: str = ""
    hangs: bool = False


@contextmanager
def faulty_s3(fault: Fault) -> Iterator[object]:
    """A boto client, impatient and unsigned, of a server with this fault."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<Error><Code>{fault.code}</Code><Message>secret</Message></Error>".encode()
            self.send_response(fault.status)
            self.send_header("ETag", f'"{ETAG}"')
            self.send_header("Content-Length", str(len(body) if fault.code else 1_000))
            self.end_headers()
            self.wfile.write(body if fault.code else b"x")
            self.wfile.flush()
            if fault.hangs:
                over.wait(10)
            self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    config = Config(
        signature_version=UNSIGNED,
        read_timeout=0.5,
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"},
        response_checksum_validation="when_required",
    )
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", config=config)
    try:
        yield client
    finally:
        over.set()
        client.close()
        server.shutdown()
        server.server_close()
        thread.join()
