"""From signals to the probability that a field is right: a small network, fitted on painted documents. Pure.

What it was fitted to lies in `certainty.json`, with its version and what it was worth on documents held back. What
people's own verdicts teach (`llava-ocr calibrate`) goes on top of it, in `review.calibration`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llava_ocr.grounding.features import FEATURES, features_of
from llava_ocr.records import FieldReading, FieldState, Finding
from llava_ocr.schema import LeafNode

VERSION = 1
# No field is quite certain or quite hopeless.
LEAST, MOST = 0.001, 0.999

# F features, H hidden units, N fields


@dataclass(frozen=True)
class Certainty:
    """Fitted parameters: standardized features through one hidden layer of tanh, then a rising curve."""

    mean_F: NDArray[np.float64]
    scale_F: NDArray[np.float64]
    hidden_FH: NDArray[np.float64]
    bias_H: NDArray[np.float64]
    out_H: NDArray[np.float64]
    out_bias: float
    curve: tuple[tuple[float, float], ...]

    def scores(self, features_NF: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the network makes of fields, before the curve."""
        # Beyond what was seen while fitting nothing is known, so nothing counts for more than that.
        seen_NF = np.clip((features_NF - self.mean_F) / self.scale_F, -5, 5)
        scores_N: NDArray[np.float64] = np.tanh(seen_NF @ self.hidden_FH + self.bias_H) @ self.out_H + self.out_bias
        return scores_N

    def probabilities(self, features_NF: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how likely each field is right, 0 to 1."""
        at, shares = zip(*self.curve, strict=True)
        sure_N: NDArray[np.float64] = np.clip(np.interp(self.scores(features_NF), at, shares), LEAST, MOST)
        return sure_N

    def to_object(self) -> dict[str, Any]:
        """Return the parameters as plain values, with their version and the features' names."""
        arrays = ("mean_F", "scale_F", "hidden_FH", "bias_H", "out_H")
        kept = {name: np.round(getattr(self, name), 5).tolist() for name in arrays}
        return {"version": VERSION, "features": FEATURES, **kept, "out_bias": self.out_bias, "curve": self.curve}


def certainty_from(kept: Mapping[str, Any]) -> Certainty | None:
    """Read parameters; None for those of another version or other features, which mean something else."""
    if kept.get("version") != VERSION or tuple(kept.get("features", ())) != FEATURES:
        return None
    return Certainty(
        mean_F=np.array(kept["mean_F"]),
        scale_F=np.array(kept["scale_F"]),
        hidden_FH=np.array(kept["hidden_FH"]),
        bias_H=np.array(kept["bias_H"]),
        out_H=np.array(kept["out_H"]),
        out_bias=float(kept["out_bias"]),
        curve=tuple((float(score), float(share)) for score, share in kept["curve"]),
    )


@cache
def shipped() -> Certainty | None:
    """Return the parameters that come with the package."""
    return certainty_from(json.loads((files(__package__) / "certainty.json").read_text("utf-8")))


def with_certainty(
    fields: Sequence[FieldReading],
    findings: Sequence[Finding],
    *,
    held: frozenset[str],
    leaves: Mapping[str, LeafNode],
    certainty: Certainty | None,
) -> tuple[FieldReading, ...]:
    """Return the fields with probabilities for confidences; `held` are paths that a check holds to.

    A field in conflict has no value that could be right, and one without signals keeps what it has.
    """
    judged = [index for index, one in enumerate(fields) if one.signals and one.state is not FieldState.CONFLICT]
    if certainty is None or not judged:
        return tuple(fields)
    features_NF = np.array(features_of(fields, findings, held=held, leaves=leaves))
    sure = dict(zip(judged, certainty.probabilities(features_NF[judged]), strict=True))
    return tuple(
        replace(one, confidence=round(float(sure[index]), 4)) if index in sure else one
        for index, one in enumerate(fields)
    )
