"""How each of these scripts is run: a person's mistake is told in a sentence, without a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from ruis.errors import RuisError


def run(main: Callable[[], int | None]) -> NoReturn:
    """Call a script's main function, and leave with its exit code; what cannot be read or found is told."""
    try:
        code = main()
    except (RuisError, OSError, ImportError) as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")
    sys.exit(code)
