"""A schema made ready to be asked of many pages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from llava_ocr.bundles.split import RULES_VERSION
from llava_ocr.engines.base import EngineProfile
from llava_ocr.planner import Focus
from llava_ocr.prompts import PROMPT_VERSION
from llava_ocr.schema import DocumentSchema, GroupNode, fingerprint, lists_only, tree, without_lists


@dataclass(frozen=True)
class Question:
    """A schema made ready to be asked of many pages.

    `fingerprint` is of all that can change a record, `asked_fingerprint` of what can change a page's answer:
    a file that is read as a bundle has other records, made of the same answers.
    """

    schema: type[DocumentSchema]
    root: GroupNode
    fingerprint: str
    asked_fingerprint: str
    max_new_tokens: int
    is_bundle: bool = False

    @classmethod
    def about(cls, schema: type[DocumentSchema], *, max_new_tokens: int, is_bundle: bool = False) -> Question:
        """Prepare `schema`; raises BadSchema where it breaks a rule. A bundle's pages are split into documents."""
        asked = fingerprint(schema, prompt_version=PROMPT_VERSION)
        bundled = hashlib.sha256(f"{asked} bundle {RULES_VERSION}".encode()).hexdigest()
        return cls(schema, tree(schema), bundled if is_bundle else asked, asked, max_new_tokens, is_bundle)

    def asked_of(self, profile: EngineProfile, focus: Focus = Focus.ALL) -> GroupNode:
        """The part of the schema that an engine is asked for."""
        if focus is Focus.LISTS:
            return lists_only(self.root)
        return self.root if profile.reads_lists and focus is Focus.ALL else without_lists(self.root)
