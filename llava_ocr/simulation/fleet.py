"""What is simulated: how much work, how many workers, how fast, and what goes wrong how often."""

from __future__ import annotations

from dataclasses import dataclass

DAY_S = 86_400.0
HOUR_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """A run and the workers that read it. The defaults are 10^9 pages and 1,000 workers.

    `pages_per_s` is one worker's, and `spread` the relative standard deviation of what a shard takes. `in_flight` are
    documents that are begun and not answered. A worker needs `turnaround_s` between two shards, and `restart_s` until
    it reads again after a death. One document at a time, after deaths, is `cautious_slowdown` times slower.
    """

    num_pages: int = 10**9
    pages_per_document: int = 2
    shard_size: int = 256
    num_workers: int = 1_000
    pages_per_s: float = 2.5
    spread: float = 0.15
    in_flight: int = 16
    turnaround_s: float = 3.0
    restart_s: float = 180.0
    cautious_slowdown: float = 8.0

    @property
    def num_documents(self) -> int:
        """Documents of the run."""
        return -(-self.num_pages // self.pages_per_document)

    @property
    def document_s(self) -> float:
        """What a document takes one worker."""
        return self.pages_per_document / self.pages_per_s


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong: per day and worker, per shard, per million documents.

    A death takes the process, a freeze only stops it for `freeze_s`, longer than a lease. A shard that is put off
    leaves `put_off_share` of its documents open, because the store or the engine failed in a way that passes.
    """

    deaths_per_day: float = 1.0
    freezes_per_day: float = 0.05
    freeze_s: float = 240.0
    put_offs_per_shard: float = 0.005
    put_off_share: float = 0.1
    poison_per_million: float = 1.0

    def times(self, factor: float) -> Faults:
        """The same, so many times as often."""
        return Faults(
            deaths_per_day=self.deaths_per_day * factor,
            freezes_per_day=self.freezes_per_day * factor,
            freeze_s=self.freeze_s,
            put_offs_per_shard=min(1.0, self.put_offs_per_shard * factor),
            put_off_share=self.put_off_share,
            poison_per_million=self.poison_per_million * factor,
        )
