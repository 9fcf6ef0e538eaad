"""The manifest: what is to be done and what was done, in one SQLite file, written by the driver alone.

Every change is one transaction that is on the disk before anything depends on it. The file is locked
as long as it is open: two drivers cannot work on one output folder.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ruis.errors import ConfigError, ManifestError, OutputInUseError

if TYPE_CHECKING:
    from ruis.batch.inputs import Input
    from ruis.batch.work import Outcome

__all__ = ["STATE", "Manifest", "Row"]

STATE = ".ruis-batch"
"""The folder below the output folder that the manifest is in; hidden, so that no search enters it."""

FILE = "manifest.sqlite"
SCHEMA = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    input TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    stamp TEXT NOT NULL,
    output TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'started', 'done', 'failed')),
    starts INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    twice INTEGER NOT NULL DEFAULT 0,
    error TEXT, message TEXT,
    input_sha256 TEXT, output_sha256 TEXT, output_size INTEGER,
    model TEXT, model_sha256 TEXT, sigma REAL,
    megapixels REAL, transfer REAL, read REAL, compute REAL, write REAL, seconds REAL,
    worker TEXT,
    notes TEXT
);
CREATE INDEX by_state ON files (state);
"""
VERSION = 2
UPGRADES = {1: "ALTER TABLE files ADD COLUMN notes TEXT"}
"""By the version of an older manifest, what makes it the next one."""

OUTCOME = (
    "state", "error", "message", "input_sha256", "output_sha256", "output_size", "model",
    "model_sha256", "sigma", "megapixels", "transfer", "read", "compute", "write", "seconds",
    "worker", "notes",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What a worker needs to know of an image, and what the driver must not forget.

    Parameters
    ----------
    id : int
        In the manifest.
    input, output : str
        From where; to where, below the output folder.
    ours : bool
        Whether a file at the output's name comes from this run, and may be replaced by it.
    deaths : int
        How many workers it ended.
    """

    id: int
    input: str
    output: str
    ours: bool
    deaths: int


class Manifest:
    """The record of a run, open and locked.

    Parameters
    ----------
    folder : Path
        The output folder.
    create : bool
        Whether there must be none yet, instead of one.

    Raises
    ------
    ConfigError
        If there is one and should not be, or the reverse.
    OutputInUseError
        If another driver has it open.
    ManifestError
        If it cannot be read.
    """

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self.folder = folder
        self.path = folder / STATE / FILE
        if not create and not self.path.is_file():
            raise ConfigError(f"there is nothing to go on with in {folder}: leave out --resume.")
        with self._problems():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.database = sqlite3.connect(self.path, timeout=1.0, isolation_level=None)
        try:
            with self._problems():
                self._lock()
            if create and self._whole:
                raise ConfigError(
                    f"a run was begun in {folder}: --resume goes on with it; or choose another folder."
                )
            if not create and not self._whole:
                raise ConfigError(
                    f"the run in {folder} was ended before it began: leave out --resume."
                )
        except BaseException:
            self.close()
            raise

    def _lock(self) -> None:
        for setting in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
            self.database.execute(f"PRAGMA {setting}")
        self.database.execute("BEGIN IMMEDIATE")
        self.database.execute("COMMIT")
        version = self.database.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise ManifestError(f"{self.path} was written by a newer ruis: upgrade.")
        for older in range(version or VERSION, VERSION):
            with self._change():
                self.database.execute(UPGRADES[older])
                self.database.execute(f"PRAGMA user_version={older + 1}")
        self._whole = version > 0

    @contextmanager
    def _problems(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise OutputInUseError(
                    f"another `ruis batch` is at work in {self.folder}: wait for it, or stop it."
                ) from error
            raise ManifestError(f"{self.path}: {error}.") from error
        except OSError as error:
            raise ManifestError(f"{self.path} cannot be made: {error.strerror}.") from error

    @contextmanager
    def _change(self) -> Iterator[None]:
        """One transaction: all of it, or nothing."""
        with self._problems():
            self.database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.database.execute("ROLLBACK")
                raise
            self.database.execute("COMMIT")

    def close(self) -> None:
        """Give the lock back."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the beginning ---------------------------------------------------------------------------

    def fill(self, identity: dict[str, Any], files: Iterable[tuple[Input, str]]) -> None:
        """Write what is to be done, in one transaction: a run has begun with all of it, or not."""
        with self._change():
            for statement in SCHEMA.split(";"):
                self.database.execute(statement)
            self.database.execute(
                "INSERT INTO about VALUES ('identity', ?)", (json.dumps(identity),)
            )
            self._insert(files)
            self.database.execute(f"PRAGMA user_version={VERSION}")
        self._whole = True

    def _insert(self, files: Iterable[tuple[Input, str]]) -> None:
        self.database.executemany(
            "INSERT INTO files (input, size, stamp, output) VALUES (?, ?, ?, ?)",
            [(_stored(i.location), i.size, i.stamp, _stored(output)) for i, output in files],
        )

    def check(self, identity: dict[str, Any]) -> None:
        """Refuse to go on in another way than the run was begun.

        Raises
        ------
        ConfigError
            Naming what differs.
        """
        (text,) = self.database.execute("SELECT value FROM about WHERE key='identity'").fetchone()
        begun = json.loads(text)
        now = json.loads(json.dumps(identity))
        for key in sorted(begun.keys() | now.keys()):
            if begun.get(key) != now.get(key):
                raise ConfigError(
                    f"the run in {self.folder} was begun with {key} {begun.get(key)!r}, and this is "
                    f"{now.get(key)!r}: say the same to go on, or choose another folder."
                )

    def go_on(self, files: Sequence[tuple[Input, str]], *, retry_failed: bool) -> dict[str, int]:
        """Take in what is new or has changed since; return how many of each.

        Parameters
        ----------
        files : sequence of (Input, str)
            What is to be done now, with outputs.
        retry_failed : bool
            Whether what failed is tried again.

        Returns
        -------
        dict of str to int
            "new", "changed", "missing" (outputs that have gone), "retried".
        """
        counts = {"new": 0, "changed": 0, "missing": 0, "retried": 0}
        columns = "id, input, size, stamp, output, state"
        with self._problems():
            rows = self.database.execute(f"SELECT {columns} FROM files").fetchall()  # noqa: S608
        known = {_read(row[1]): row for row in rows}
        names = {_read(row[4]): _read(row[1]) for row in rows}
        new, again = [], []
        for one, output in files:
            row = known.get(one.location)
            if row is None:
                if output in names:
                    raise ConfigError(
                        f"{one.location} would become {output}, which {names[output]} became "
                        "before: choose another folder."
                    )
                new.append((one, output))
            elif (row[2], row[3]) != (one.size, one.stamp):
                counts["changed"] += 1
                # What this run wrote there is its own to replace; where it failed, it wrote nothing.
                state = "started" if row[5] in {"done", "started"} else "waiting"
                again.append((one.size, one.stamp, state, row[0]))
            elif row[5] == "done" and not os.path.lexists(self.folder / _read(row[4])):
                # Under the name that it was given then: from another folder, it may be another now.
                counts["missing"] += 1
                again.append((one.size, one.stamp, "waiting", row[0]))
        counts["new"] = len(new)
        with self._change():
            self._insert(new)
            self.database.executemany(
                "UPDATE files SET size=?, stamp=?, state=?, error=NULL, message=NULL WHERE id=?",
                again,
            )
            if retry_failed:
                counts["retried"] = self.database.execute(
                    "UPDATE files SET deaths=0, message=NULL, error=NULL, "
                    "state=CASE error WHEN 'WorkerDiedError' THEN 'started' ELSE 'waiting' END "
                    "WHERE state='failed'"
                ).rowcount
        return counts

    # -- the work --------------------------------------------------------------------------------

    def waiting(self) -> list[Row]:
        """Return what is to be done, in the order of the inputs."""
        return [
            Row(id, _read(input), _read(output), state == "started", deaths)
            for id, input, output, state, deaths in self.database.execute(
                "SELECT id, input, output, state, deaths FROM files "
                "WHERE state IN ('waiting', 'started') ORDER BY id"
            )
        ]

    def advance(
        self, outcomes: Iterable[Outcome], deaths: Iterable[int], started: Iterable[int]
    ) -> None:
        """Record, in one transaction, what came back, who died, and what is given out next."""
        sets = ", ".join(f"{name}=?" for name in OUTCOME)
        with self._change():
            self.database.executemany(
                f"UPDATE files SET {sets}, twice=twice+? WHERE id=?",  # noqa: S608 - names of ours
                [(*_columns(one), int(one.twice), one.id) for one in outcomes],
            )
            self.database.executemany(
                "UPDATE files SET deaths=deaths+1 WHERE id=?", [(id,) for id in deaths]
            )
            self.database.executemany(
                "UPDATE files SET state='started', starts=starts+1 WHERE id=?",
                [(id,) for id in started],
            )

    # -- looking ---------------------------------------------------------------------------------

    def counts(self) -> dict[str, int]:
        """Return how many images are in each state."""
        found = dict(self.database.execute("SELECT state, count(*) FROM files GROUP BY state"))
        return {state: found.get(state, 0) for state in ("waiting", "started", "done", "failed")}

    def rows(self, where: str = "1", order: str = "id", most: int = -1) -> list[dict[str, Any]]:
        """Return whole rows, as mappings; the conditions are SQL of ours."""
        cursor = self.database.execute(
            f"SELECT * FROM files WHERE {where} ORDER BY {order} LIMIT ?",  # noqa: S608
            (most,),
        )
        names = [column[0] for column in cursor.description]
        return [
            {name: _read(value) for name, value in zip(names, row, strict=True)} for row in cursor
        ]

    def again(self) -> tuple[int, int]:
        """Return how often an image was given out again, and how often an output was made again."""
        sums = "total(max(starts - 1, 0)), total(twice)"
        given, made = self.database.execute(f"SELECT {sums} FROM files").fetchone()  # noqa: S608
        return int(given), int(made)

    def notes(self) -> dict[str, int]:
        """Return what was noted of images that are done, and of how many; the most frequent first."""
        return dict(
            self.database.execute(
                "SELECT value, count(*) FROM files, json_each(files.notes) WHERE state='done' "
                "GROUP BY value ORDER BY count(*) DESC, value"
            )
        )

    def totals(self) -> dict[str, float]:
        """Return sums over what is done: megapixels, and seconds of each part of the work."""
        names = ("megapixels", "transfer", "read", "compute", "write", "seconds", "output_size")
        sums = ", ".join(f"total({name})" for name in names)
        (row,) = self.database.execute(f"SELECT {sums} FROM files WHERE state='done'")  # noqa: S608
        return dict(zip(names, row, strict=True))


def _columns(one: Outcome) -> list[Any]:
    """The values of `OUTCOME`; several notes are a list in JSON."""
    values = {name: getattr(one, name) for name in OUTCOME}
    values["notes"] = json.dumps(one.notes, ensure_ascii=False) if one.notes else None
    return list(values.values())


def _stored(text: str) -> str | bytes:
    """A file's name may be no text: it is kept as bytes then."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")
    return text


def _read(value: Any) -> Any:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
