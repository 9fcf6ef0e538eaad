"""`python -m ruis.cli` is `ruis`."""

from __future__ import annotations

from ruis.cli import command

if __name__ == "__main__":
    command()
