"""A document that loops for ever, eats memory or crashes the process is found out, listed, and costs only itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.killers import STALLED


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "exit_code"), [("loop", STALLED), ("hog", -9), ("crash", -11)])
def test_a_killer_is_poison_and_the_others_are_read(kind: str, exit_code: int, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.faults.killers", kind, f"sqlite:///{tmp_path}/a.db"]
    root = Path(__file__).parents[2]
    done = subprocess.run([*command, str(tmp_path)], cwd=root, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["is_balanced"] and told["ok"] == 11
    assert told["reasons"] == {"PoisonDocument": 1}
    # Two that nobody can be blamed for, and two alone with the document.
    assert told["deaths"] == {str(exit_code): 4}
