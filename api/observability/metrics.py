"""The metrics for Prometheus (docs/metrics.md). Labels have few values; no client can add one."""

import os
import platform
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import mark_process_dead
from prometheus_client.values import MutexValue

from api.config.declaration import SettingsError
from api.observability.log_output import OUTPUT
from api.observability.metric_files import FolderCollector, gap, in_files
from openapi.document import VERSION
from storage.engines.database import Kind
from storage.engines.private_files import make_private_folder

M = TypeVar("M", bound=MetricWrapperBase)
Child = tuple[MetricWrapperBase, tuple[str | int, ...]]

# In seconds. Most requests take a few milliseconds, most units of work a tenth of that.
OF_REQUESTS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
OF_UNITS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)

# Otherwise each counter would have a second series, with the time of its creation.
disable_created_metrics()  # type: ignore[no-untyped-call]  # as the library has it

UNIT_LABELS: dict[Kind, str] = {"read": "read", "write": "write", "statement": "write"}
NO_OPERATION = "none"
"""The `operation` of requests that matched no route."""


class Metrics:
    """The metrics of one application, in memory or in files in `folder`.

    The processes of a machine share the folder, so that each can report the metrics of all. Raises
    SettingsError if the folder was set too late.
    """

    def __init__(self, folder: str) -> None:
        self.registry = CollectorRegistry()
        self.folder = folder
        if folder:
            prepare(Path(folder))
        else:
            ProcessCollector(registry=self.registry)
        counter: Callable[..., Counter] = partial(Counter, registry=self.registry)
        gauge: Callable[..., Gauge] = partial(
            Gauge, registry=self.registry, multiprocess_mode="livesum"
        )
        of_units: Callable[..., Histogram] = partial(
            Histogram, labelnames=["kind"], buckets=OF_UNITS, registry=self.registry
        )

        self._children: dict[Child, MetricWrapperBase] = {}
        self.requests = counter(
            "http_requests_total", "Requests that were answered.", ["operation", "status"]
        )
        self.request_duration = Histogram(
            "http_request_duration_seconds",
            "From a request's head to the end of its answer.",
            ["operation"],
            buckets=OF_REQUESTS,
            registry=self.registry,
        )
        self.in_flight = gauge("http_requests_in_flight", "Requests that are being answered.")
        self.rejections = counter(
            "rate_limit_rejections_total", "Requests beyond a rate limit.", ["limit"]
        )
        self.wait_duration = of_units(
            "database_wait_duration_seconds",
            "How long a unit of work waited for a thread or a connection.",
        )
        self.unit_duration = of_units(
            "database_unit_duration_seconds",
            "How long a unit of work ran: its statements, and the commit.",
        )
        self.dropped_lines = counter("log_lines_dropped_total", "Log lines that were dropped.")
        OUTPUT.on_drop = self.dropped_lines.inc
        self.build = gauge("build_info", "1 for each process.", ["version", "python"])
        self.build.labels(VERSION, platform.python_version()).set(1)

    def begin(self) -> None:
        self.in_flight.inc()

    def end(
        self, operation: str | None, status: int, duration: float, refused_by: str | None
    ) -> None:
        """Count a request that took `duration` seconds. `refused_by`: the limit that it met."""
        operation = operation or NO_OPERATION
        self.in_flight.dec()
        self._child(self.requests, operation, status).inc()
        self._child(self.request_duration, operation).observe(duration)
        if refused_by is not None:
            self._child(self.rejections, refused_by).inc()

    def observe_unit(self, kind: Kind, waited: float, ran: float | None) -> None:
        """Count a unit of work: see storage.engines.database.Observer."""
        label = UNIT_LABELS[kind]
        self._child(self.wait_duration, label).observe(waited)
        if ran is not None:
            self._child(self.unit_duration, label).observe(ran)

    def _child(self, metric: M, *labels: str | int) -> M:
        """Return the child for `labels`. They are cached, because prometheus-client's own lookup
        takes longer than counting."""
        key = metric, labels
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return cast(M, child)

    def current(self) -> CollectorRegistry:
        if not self.folder:
            return self.registry
        of_all = CollectorRegistry()
        of_all.register(FolderCollector(self.folder))
        return of_all

    async def close(self) -> None:
        """Remove this process's gauges, because it handles no requests any more."""
        if self.folder:
            with suppress(OSError):
                mark_process_dead(os.getpid(), self.folder)  # type: ignore[no-untyped-call]  # as the library has it


def prepare(folder: Path) -> None:
    """Create the folder, and remove the gauges of processes that were killed. If that fails, the
    metrics have a gap.

    prometheus-client reads PROMETHEUS_MULTIPROC_DIR when it is imported. Raises SettingsError if
    the variable wasn't set by then.
    """
    if in_files is MutexValue:
        reason = "it must be in the process's environment, not in .env"
        raise SettingsError(f"PROMETHEUS_MULTIPROC_DIR={folder} is not allowed: {reason}")
    try:
        make_private_folder(folder)
        remove_stale_gauges(folder)
    except OSError as error:
        gap.report(error)


def remove_stale_gauges(folder: Path) -> None:
    pids = {path.stem.rpartition("_")[2] for path in folder.glob("gauge_live*.db")}
    for pid in map(int, filter(str.isdecimal, pids)):
        if not is_alive(pid):
            with suppress(FileNotFoundError):  # another start was faster
                mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]  # as the library has it


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # the process of another user
    return True
