"""The threads of a session: one follows every change with previews, one solves at full size while labels rest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from propmat._solve._labelling import Labelling
from propmat._typing import Array
from propmat.errors import one_line
from propmat.matting._matte import matte
from propmat.studio._display import EIGHT_BITS, EXACT, PREVIEW, Asked, Posed
from propmat.studio._memory import give_back
from propmat.studio._preview import Preview
from propmat.studio._reduced import as_bytes
from propmat.studio._session import Session
from propmat.studio._types import FOREGROUND

# Seconds that labels rest before they are solved for at full size, and exactly; and that they go on to rest before
# they are checked, which takes time from previews.
REST, REST_FOR_EXACT, REST_FOR_FINDINGS = 0.03, 0.4, 0.5

# Seconds between mattes of full size that are shown while a solve goes on, which showing them slows down.
PAUSE = 0.5

# Seconds between two times that freed memory is returned, which takes some hundredths of a second.
GIVE_BACK = 5

# Seconds that a picture that is closed waits for its threads.
_PATIENCE = 10

# In larger pictures what `Labelling` keeps, some kilobytes a pixel, takes too much memory.
MOST_LABELLED = 3_000_000


class Solving:
    """Two threads, which end when the session is closed."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._small: Preview | None = None
        self._labelling: Labelling | None = None
        self._previewed = self._ended = 0
        self._given_back = 0.0
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._follow, self._refine)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until the threads have ended, or for some seconds: a set-up cannot be stopped."""
        for thread in self._threads:
            thread.join(_PATIENCE)

    def _follow(self) -> None:
        """Show previews."""
        session = self._session
        for asked in self._versions(lambda: session.version != self._previewed):
            with self._failing(asked):
                self._preview(asked)
            with session.changed:
                self._previewed = asked.version
                session.changed.notify_all()

    def _refine(self) -> None:
        """Show mattes of full size."""
        session = self._session
        for asked in self._versions(lambda: self._ended != session.version == self._previewed):
            with self._failing(asked):
                if not asked.waiting:
                    self._solve(asked)
            if not session.stale(asked):
                self._ended = asked.version
            self._give_back()

    def _give_back(self) -> None:
        """Return freed memory to the system, not too often: solves that are begun and stopped free much, too."""
        if time.monotonic() - self._given_back > GIVE_BACK:
            give_back()
            self._given_back = time.monotonic()

    def _versions(self, wanted: Callable[[], bool]) -> Iterator[Asked]:
        """The state of the labels whenever there is something to do, until the session is closed."""
        session = self._session
        while True:
            with session.changed:
                session.changed.wait_for(lambda: session.closed or wanted())
                if session.closed:
                    return
                asked = session.asked()
            yield asked

    @contextmanager
    def _failing(self, asked: Asked) -> Iterator[None]:
        """Show the sentence of an error instead of a matte."""
        try:
            yield
        except Exception as error:  # the threads go on whatever happens to one matte
            sentence = one_line(error)
            self._session.show(asked, lambda display: display.keep(asked, None, sentence))

    def _preview(self, asked: Asked) -> None:
        if self._small is None:
            self._small = Preview(self._session.photo.pixels)
        small = None if asked.waiting else self._small.alpha(asked.cells)
        self._session.show(asked, lambda display: display.preview(asked, small), late=True)

    def _solve(self, asked: Asked) -> None:
        posed = self._posed(asked)
        if posed is None:
            return
        self._solve_to_8_bits(posed)
        if self._rested(asked, REST_FOR_EXACT):
            self._solve_exactly(posed)
        if self._rested(asked, time.monotonic() - asked.since + REST_FOR_FINDINGS):
            findings = tuple(posed.trimap.check())
            self._session.show(asked, lambda display: display.find(findings))

    def _posed(self, asked: Asked) -> Posed | None:
        """All labels when they have rested; None if they change before."""
        with self._session.changed:
            return self._session.posed() if self._rested(asked, REST) else None

    def _rested(self, asked: Asked, seconds: float) -> bool:
        """Wait until the labels have rested so long; False if they change before."""
        session = self._session
        with session.changed:
            while not session.stale(asked):
                left = session.rested(seconds)
                if left <= 0:
                    return True
                session.changed.wait(left)
        return False

    def _solve_to_8_bits(self, asked: Posed) -> None:
        session = self._session
        if asked.labels.size > MOST_LABELLED or not asked.trimap.unknown.any():
            return
        if self._labelling is None:
            self._labelling = Labelling(session.photo.pixels)

        shown = time.monotonic()

        def show(alpha: Array) -> bool:
            nonlocal shown
            if time.monotonic() - shown > PAUSE:
                self._show(asked, alpha, PREVIEW)
                shown = time.monotonic()
            return session.stale(asked)

        found = self._labelling.matte(asked.trimap, show)
        self._show(asked, found.alpha, EIGHT_BITS if found.converged else PREVIEW)

    def _solve_exactly(self, asked: Posed) -> None:
        session = self._session
        if asked.trimap.unknown.any():
            found = matte(asked.method, session.photo.pixels, asked.trimap, callback=lambda *_: session.stale(asked))
            alpha, note = found.alpha, "" if found.converged else found.status.value
        else:
            alpha, note = asked.labels / float(FOREGROUND), ""
        self._show(asked, alpha, EXACT)
        session.show(asked, lambda display: display.keep(asked, alpha, note))

    def _show(self, asked: Asked, alpha: Array, phase: str) -> None:
        eight_bits = as_bytes(alpha)
        self._session.show(asked, lambda display: display.matte(asked, eight_bits, phase))
