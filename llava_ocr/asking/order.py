"""What is to be asked of which documents: the parameters of `ask`, on the command line and as a flow."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from llava_ocr.asking.answers import Manner
from llava_ocr.asking.putting import ASKING_VERSION
from llava_ocr.prompts import PROMPT_VERSION
from llava_ocr.settings import Settings, override

MAX_QUESTIONS = 1_000
QuestionText = Annotated[str, Field(min_length=1, max_length=1_000)]


class AskOrder(BaseModel):
    """Which questions to put to which documents. Unset engine and database fall back to the machine's settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[str, Field(min_length=1, description="A folder, a file, or s3://bucket/prefix; globs allowed")]
    questions: Annotated[tuple[QuestionText, ...], Field(max_length=MAX_QUESTIONS, description="What to ask")] = ()
    questions_file: Annotated[
        Path | None, Field(description="Questions in a file: a line each, or CSV or JSON with `question`")
    ] = None
    schema_name: Annotated[
        str | None, Field(description="Answers typed as this document type; without questions, all its fields")
    ] = None
    page: Annotated[int | None, Field(ge=1, description="Ask only this page, counted from 1")] = None
    is_free: Annotated[
        bool, Field(description="The engine's own words, not evidenced, in place of words of the page")
    ] = False
    min_confidence: Annotated[
        float | None, Field(ge=0, le=1, description="Abstain below this; default: as measured for the engine")
    ] = None
    engine: Annotated[str | None, Field(description="`small`, a folder or hub name, endpoint, rules, scripted")] = None
    database: Annotated[str | None, Field(description="Database URL of the known answers")] = None
    limit: Annotated[int | None, Field(ge=1, description="Stop after this many objects")] = None
    use_cache: Annotated[bool, Field(description="Take answers that are known, and keep those that are not")] = True

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.questions and self.questions_file is None and self.schema_name is None:
            raise ValueError("nothing to ask: give questions, a file of questions, or a document type")
        if self.questions and self.questions_file is not None:
            raise ValueError("give the questions here or in a file, not both")
        if self.is_free and self.schema_name is not None:
            raise ValueError("answers of a document type are typed and evidenced; they can't be free, too")
        return self

    @property
    def manner(self) -> Manner:
        """How the engine may answer."""
        return Manner.FREE if self.is_free else Manner.HELD

    def settings(self, base: Settings) -> Settings:
        """The machine's settings with what this order says in their place."""
        return override(base, engine=self.engine, db=self.database)

    def fingerprint(self, engine_fingerprint: str, schema_fingerprint: str) -> str:
        """Hash all but source and questions that can change an answer."""
        kept = self.model_dump(mode="json", include={"page", "is_free", "min_confidence"})
        told = [kept, engine_fingerprint, schema_fingerprint, ASKING_VERSION, PROMPT_VERSION]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
