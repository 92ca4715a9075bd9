"""A server on uvicorn that learns of a hang-up as vLLM does: by `http.disconnect`, while it generates."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class AsgiLike:
    """Generates a token every `token_s`, for ever where `is_endless`."""

    token_s: float = 0.02
    is_endless: bool = True
    url: str = ""
    num_said: int = 0
    is_begun: threading.Event = field(default_factory=threading.Event)
    is_hung_up: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        if scope["method"] == "GET":
            await self._send(send, 404, {})
            return
        generating = asyncio.create_task(self._generate())
        hanging_up = asyncio.create_task(receive())
        await asyncio.wait({generating, hanging_up}, return_when=asyncio.FIRST_COMPLETED)
        if not generating.done():
            generating.cancel()
            self.is_hung_up.set()
            return
        hanging_up.cancel()
        answer = {"choices": [{"message": {"content": '{"title":null}'}, "finish_reason": "stop"}]}
        await self._send(send, 200, answer)

    async def _send(self, send: Any, status: int, answer: object) -> None:
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    async def _generate(self) -> None:
        self.is_begun.set()
        while self.is_endless or self.num_said < 3:
            await asyncio.sleep(self.token_s)
            self.num_said += 1


@contextmanager
def served(app: AsgiLike, *, certificate: Path | None = None) -> Iterator[AsgiLike]:
    """Serve on a free port of this machine; with a certificate, which holds its key, over TLS."""
    listening = socket.create_server(("127.0.0.1", 0))
    tls = {"ssl_certfile": str(certificate), "ssl_keyfile": str(certificate)} if certificate else {}
    # Like vLLM's, its connections stay open for 5 s.
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", **tls))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    app.url = f"{'https' if certificate else 'http'}://127.0.0.1:{listening.getsockname()[1]}/v1"
    try:
        yield app
    finally:
        server.should_exit = server.force_exit = True
        thread.join()
        listening.close()


def make_certificate(path: Path) -> Path:
    """Write a certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    host = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(host, critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + secret)
    return path
