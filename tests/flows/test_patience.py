"""Who is asked again, and who is believed at once."""

from __future__ import annotations

import httpx
import pytest
from prefect.exceptions import PrefectHTTPStatusError

from flows.patience import patiently


class Server:
    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.num_asked = 0

    def __call__(self) -> str:
        self.num_asked += 1
        if self.faults:
            raise self.faults.pop(0)
        return "here"


def status(code: int) -> PrefectHTTPStatusError:
    request = httpx.Request("GET", "http://server")
    return PrefectHTTPStatusError("no", request=request, response=httpx.Response(code, request=request))


@pytest.mark.parametrize("fault", [httpx.ConnectError("down"), httpx.ReadTimeout("slow"), status(503)])
def test_a_server_that_comes_back_is_asked_again(fault: Exception) -> None:
    server = Server(fault)
    assert patiently(server) == "here"
    assert server.num_asked == 2


def test_a_refusal_is_believed() -> None:
    server = Server(status(409))
    with pytest.raises(PrefectHTTPStatusError):
        patiently(server)
    assert server.num_asked == 1


def test_patience_ends() -> None:
    server = Server(*[httpx.ConnectError("down")] * 9)
    with pytest.raises(httpx.ConnectError):
        patiently(server, patience_s=0.1)
    assert server.num_asked == 1
