"""A schema made ready to be asked of many pages."""

from __future__ import annotations

from dataclasses import dataclass

from llava_ocr.engines.base import EngineProfile
from llava_ocr.planner import Part
from llava_ocr.prompts import PROMPT_VERSION
from llava_ocr.schema import DocumentSchema, GroupNode, fingerprint, lists_only, tree, without_lists


@dataclass(frozen=True)
class Question:
    """A schema made ready to be asked of many pages."""

    schema: type[DocumentSchema]
    root: GroupNode
    fingerprint: str
    max_new_tokens: int

    @classmethod
    def about(cls, schema: type[DocumentSchema], *, max_new_tokens: int) -> Question:
        """Prepare `schema`; raises BadSchema where it breaks a rule."""
        return cls(schema, tree(schema), fingerprint(schema, prompt_version=PROMPT_VERSION), max_new_tokens)

    def asked_of(self, profile: EngineProfile, part: Part = Part.ALL) -> GroupNode:
        """The part of the schema that an engine is asked for."""
        if part is Part.LISTS:
            return lists_only(self.root)
        return self.root if profile.reads_lists and part is Part.ALL else without_lists(self.root)
