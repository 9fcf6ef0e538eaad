"""`python -m ruis.cli` is `ruis`."""

from __future__ import annotations

from ruis.cli import main

if __name__ == "__main__":
    main()
