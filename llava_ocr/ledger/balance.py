"""Whether a run's accounts add up: every planned object ended, every page of every opened document too. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from llava_ocr.ledger.order import NOT_A_DOCUMENT, RunState

# How many missing objects or documents `explain` names before it only counts.
NAMED = 5


@dataclass(frozen=True, slots=True)
class PageGap:
    """An opened document of which some pages have no outcome (or more pages have one than it has)."""

    uri: str
    expected: int
    ended: int


@dataclass(frozen=True, slots=True)
class Balance:
    """A run's accounts. The plain counts are pages of opened documents, the `documents_` counts are planned objects.

    `open_uris` are the objects that have not ended, `gaps` the documents whose pages do not add up. Reasons are error
    classes and skip reasons, with how often each was met.
    """

    expected: int
    ok: int
    failed: int
    skipped: int
    documents_expected: int
    documents_ok: int
    documents_failed: int
    documents_skipped: int
    by_reason: Mapping[str, int] = field(default_factory=dict)
    documents_by_reason: Mapping[str, int] = field(default_factory=dict)
    open_uris: tuple[str, ...] = ()
    gaps: tuple[PageGap, ...] = ()

    @property
    def ended(self) -> int:
        """Pages that have an outcome."""
        return self.ok + self.failed + self.skipped

    @property
    def is_balanced(self) -> bool:
        """Whether nothing is missing. Failures are accounted for, so accounts that balance may hold some."""
        documents_ended = self.documents_ok + self.documents_failed + self.documents_skipped
        adds_up = self.ended == self.expected and documents_ended == self.documents_expected
        return adds_up and not self.open_uris and not self.gaps

    @property
    def failed_share(self) -> float:
        """The share of documents that failed, of those that were read; what was skipped does not count."""
        num_read = self.documents_ok + self.documents_failed
        return self.documents_failed / num_read if num_read else 0.0

    def explain(self) -> str:
        """Say in words what came of the run and, line by line, what is missing."""
        num_other = self.documents_by_reason.get(NOT_A_DOCUMENT, 0)
        skipped = f"{self.documents_skipped} skipped" + (f" ({num_other} not a document)" if num_other else "")
        head = (
            f"{self.documents_expected} documents: {self.documents_ok} ok, {self.documents_failed} failed, {skipped}. "
            f"{self.expected} pages: {self.ok} ok, {self.failed} failed, {self.skipped} skipped."
        )
        return "\n".join([head, *self._missing()])

    def _missing(self) -> list[str]:
        lines = [f"Not ended: {uri}" for uri in self.open_uris[:NAMED]]
        if len(self.open_uris) > NAMED:
            lines.append(f"Not ended: {len(self.open_uris) - NAMED} more")
        lines += [f"Pages missing: {gap.uri} has {gap.expected}, {gap.ended} ended" for gap in self.gaps[:NAMED]]
        if len(self.gaps) > NAMED:
            lines.append(f"Pages missing: in {len(self.gaps) - NAMED} more documents")
        if not lines and not self.is_balanced:
            lines.append(f"The counts do not add up: {self.ended} of {self.expected} pages ended.")
        return lines


def end_state(balance: Balance, *, max_failed_share: float = 0.0, allow_empty: bool = False) -> RunState:
    """Say how a run ends: COMPLETE only if nothing is missing, no more failed than may, and something was to be read.

    Where every object was skipped for being no document, nothing was.
    """
    num_other = balance.documents_by_reason.get(NOT_A_DOCUMENT, 0)
    is_empty = num_other > 0 and num_other == balance.documents_expected
    is_read = balance.is_balanced and balance.failed_share <= max_failed_share and (allow_empty or not is_empty)
    return RunState.COMPLETE if is_read else RunState.FAILED
