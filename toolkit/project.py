"""A review on disk: folder, settings and store, in the one object that every step takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from toolkit.model.errors import InputError
from toolkit.store import Batch, Store, utc_now

# Settings and views load when they are asked for: not every command asks.
if TYPE_CHECKING:
    from toolkit.config import ReviewFile
    from toolkit.model.records import ParsedRecord
    from toolkit.model.review import Decision, Record, Standing, Verdict

__all__ = ["DATABASE", "FOLDERS", "SETTINGS", "Project", "find_root"]

SETTINGS = "review.toml"
DATABASE = "evipool.db"
FOLDERS = ("search_strategies", "imports", "extraction", "results", "report")


def find_root(start: Path) -> Path:
    """The project folder at or above ``start``.

    Raises
    ------
    InputError
        if neither it nor a parent holds a review.toml.
    """
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / SETTINGS).is_file():
            return folder
    raise InputError(
        "this is not an evipool project: no review.toml here or in a parent folder",
        file=start,
        hint="Start one with 'evipool init', or name the folder with -C DIR.",
    )


class Project:
    """A review: its folder, its settings (review.toml) and its store.

    Parameters
    ----------
    root : the project folder
    store : its open database
    reviewer : who acts (``--as NAME`` or EVIPOOL_REVIEWER), None if nobody said

    Examples
    --------
    >>> from toolkit import Project
    >>> project = Project.open("my-review")            # doctest: +SKIP
    >>> project.config.review.title                    # doctest: +SKIP
    """

    def __init__(self, root: Path, store: Store, reviewer: str | None = None) -> None:
        self.root, self.store, self._reviewer = root, store, reviewer

    @classmethod
    def open(cls, path: str | Path = ".", *, reviewer: str | None = None, clock: Callable[[], str] = utc_now) -> Self:
        """Open the project at ``path`` or above it; an older database is backed up and migrated."""
        start = Path(path)
        if not start.exists():
            raise InputError("there is no such folder", file=start)
        root = find_root(start)
        store = Store.open(root / DATABASE, create=True, clock=clock)
        return cls(root, store, reviewer or os.environ.get("EVIPOOL_REVIEWER") or None)

    @cached_property
    def config(self) -> ReviewFile:
        """The checked content of review.toml."""
        from toolkit.config import load_review

        return load_review(self.root / SETTINGS)

    @property
    def actor(self) -> str:
        """Who acts, for steps that anybody may run: the reviewer if named, else "evipool"."""
        return self.reviewer(required=False) or "evipool"

    def reviewer(self, *, required: bool = True) -> str | None:
        """The acting reviewer, checked against [[reviewers]].

        Raises
        ------
        InputError
            if a person is needed and none was named, or the name is not in review.toml.
        """
        names = [r.name for r in self.config.reviewers]
        if self._reviewer is None:
            if required:
                raise InputError(
                    "this is a person's judgement: say who you are",
                    allowed=", ".join(names) or "add [[reviewers]] to review.toml first",
                    hint="Use --as NAME, or set EVIPOOL_REVIEWER.",
                )
            return None
        if self._reviewer not in names:
            raise InputError(
                "this reviewer is not in review.toml",
                value=self._reviewer,
                allowed=", ".join(names) or "none is declared yet",
                hint='Add [[reviewers]] with name = "...".',
            )
        return self._reviewer

    @contextmanager
    def writing(self, command: str, *, actor: str | None = None, batch_id: str | None = None) -> Iterator[Batch]:
        """One transaction under the acting person's name."""
        with self.store.batch(command, actor or self.actor, batch_id=batch_id) as batch:
            yield batch

    def decisions(self, stage: str, *, as_of: str | None = None) -> dict[str, Decision]:
        """Report id -> decision at ``stage``, by the number of votes and the order of reasons in review.toml."""
        from toolkit.store import views

        needed, order = self.config.screening.votes_needed(stage), self.config.eligibility.exclusion_reasons
        return views.decisions(self.store, stage, votes_needed=needed, reason_order=order, as_of=as_of)

    def verdicts(self, stage: str, *, as_of: str | None = None) -> Mapping[str, Verdict]:
        """As `decisions`, without the votes: quick for a large review."""
        from toolkit.store import views

        needed, order = self.config.screening.votes_needed(stage), self.config.eligibility.exclusion_reasons
        return views.verdicts(self.store, stage, votes_needed=needed, reason_order=order, as_of=as_of)

    def standings(self, *, as_of: str | None = None) -> dict[str, Standing]:
        """Study id -> where it stands, by the decisions on its reports and what was stated of it."""
        from toolkit.model.review import FULL_TEXT
        from toolkit.store.evidence import study_standings

        needed, order = self.config.screening.votes_needed(FULL_TEXT), self.config.eligibility.exclusion_reasons
        return study_standings(self.store, votes_needed=needed, reason_order=order, as_of=as_of)

    def best_of(self, ids: Iterable[str], records: Mapping[str, Record]) -> ParsedRecord | None:
        """The best of each field of these records, those of preferred sources first; None where ``records`` has none.

        Parameters
        ----------
        ids : the records of one report
        records : by id, as `views.records` gives them
        """
        from toolkit.records.merge import best_record
        from toolkit.store import views

        known = [rid for rid in ids if rid in records]
        rank = {name.casefold(): k for k, name in enumerate(self.config.dedup.prefer)}
        if not rank or len(known) < 2:
            return best_record([records[rid].fields for rid in known]) if known else None
        runs = views.record_runs(self.store)
        place = {rid: rank.get(runs[rid].source.casefold(), len(rank)) for rid in known}
        known.sort(key=place.__getitem__)
        preferred = sum(k < len(rank) for k in place.values())
        return best_record([records[rid].fields for rid in known], preferred=preferred)

    def path(self, *parts: str) -> Path:
        """A path inside the project folder."""
        return self.root.joinpath(*parts)

    def close(self) -> None:
        """Close the database."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
