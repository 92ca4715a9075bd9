"""Tiny models shared by the tests of this folder."""

from typing import Any

import pytest

from llava_ocr.models.load import LoadedModel
from tests.tiny.models import tiny_model
from tests.tiny.tokenizers import tiny_tokenizer


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return tiny_tokenizer()


@pytest.fixture(scope="session")
def llama(tokenizer: Any) -> LoadedModel:
    return tiny_model("llama", tokenizer)
