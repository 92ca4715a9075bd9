"""A schema made ready to be asked of many pages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from llava_ocr.bundles.split import RULES_VERSION
from llava_ocr.einvoice import EINVOICE_VERSION
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
    reads_embedded: bool = False

    @classmethod
    def about(
        cls,
        schema: type[DocumentSchema],
        *,
        max_new_tokens: int,
        is_bundle: bool = False,
        reads_embedded: bool = False,
    ) -> Question:
        """Prepare `schema`; raises BadSchema where it breaks a rule. A bundle's pages are split into documents; of a
        bundle no e-invoice is read, because it would be that of one of them."""
        asked = fingerprint(schema, prompt_version=PROMPT_VERSION)
        reads_embedded = reads_embedded and bool(schema.terms) and not is_bundle
        print_of = asked
        if is_bundle:
            print_of = hashlib.sha256(f"{asked} bundle {RULES_VERSION}".encode()).hexdigest()
        elif reads_embedded:
            terms = " ".join(f"{path}={term}" for path, term in sorted(schema.terms.items()))
            print_of = hashlib.sha256(f"{asked} embedded {EINVOICE_VERSION} {terms}".encode()).hexdigest()
        return cls(schema, tree(schema), print_of, asked, max_new_tokens, is_bundle, reads_embedded)

    def asked_of(self, profile: EngineProfile, focus: Focus = Focus.ALL) -> GroupNode:
        """The part of the schema that an engine is asked for."""
        if focus is Focus.LISTS:
            return lists_only(self.root)
        return self.root if profile.reads_lists and focus is Focus.ALL else without_lists(self.root)
