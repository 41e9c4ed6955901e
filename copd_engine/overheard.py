"""What libraries say while an attempt runs, in the attempt's own log: warnings and errors, whoever logs them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from copd_engine.events import Event, Log

LONGEST = 20_000
"""Characters of a line; a traceback may be long, and a tensor printed in a warning longer."""
FURNITURE = frozenset({"event", "level", "logger", "timestamp", "exc_info", "_record", "_from_structlog"})
"""What structlog puts beside a sentence and the log has anyway."""


@contextmanager
def overheard(emit: Callable[[Event], None]) -> Iterator[None]:
    """While the block lasts, each warning and error that this process logs, or warns of, is also a `Log` event."""
    handler, root, show = _Listener(emit), logging.getLogger(), warnings.showwarning

    def warned(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
        emit(Log(level="warning", message=f"{category.__name__}: {message}"[:LONGEST]))
        show(message, category, *rest, **named)

    root.addHandler(handler)
    warnings.showwarning = warned
    try:
        yield
    finally:
        warnings.showwarning = show
        root.removeHandler(handler)


class _Listener(logging.Handler):
    def __init__(self, emit: Callable[[Event], None]) -> None:
        super().__init__(logging.WARNING)
        self._emit = emit
        self._trace = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        level: Literal["warning", "error"] = "error" if record.levelno >= logging.ERROR else "warning"
        try:
            self._emit(Log(level=level, message=f"{record.name}: {self._said(record)}"[:LONGEST]))
        except Exception:  # noqa: BLE001  # logging never ends what it reports on
            self.handleError(record)

    def _said(self, record: logging.LogRecord) -> str:
        fields: Any = record.msg
        text = _sentence(fields) if isinstance(fields, Mapping) else record.getMessage()
        return f"{text}\n{self._trace.formatException(record.exc_info)}" if record.exc_info else text


def _sentence(fields: Mapping[str, Any]) -> str:
    """A structlog event as a line."""
    rest = [f"{name}={value}" for name, value in fields.items() if name not in FURNITURE]
    return " ".join([str(fields.get("event", "")), *rest])
