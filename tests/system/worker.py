"""The command line as a program, for processes that have the package on their path and not installed."""

from __future__ import annotations

from llava_ocr.cli.app import main

if __name__ == "__main__":
    main()
