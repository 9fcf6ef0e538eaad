"""`python -m ruis` is the command `ruis`."""

from ruis.cli import main

if __name__ == "__main__":
    main()
