"""`python -m ruis` is the command `ruis`."""

from ruis.cli import command

if __name__ == "__main__":
    command()
