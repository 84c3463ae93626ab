"""`make bench`: how fast mail goes through, beside what Postfix's own test programs do here.

    python -m tests.bench [--messages 50000] [--runs 3] [--only NAME …]

Each number is the median of the runs; the programs that are compared run right after each other.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.bench import campaign, composer, whole_path
from tests.equipment.daemons import answers_on, folder_for, free_port, wait_until
from tests.equipment.delay_proxy import DelayProxy
from tests.equipment.postgres import Postgres, make_cluster, unprivileged
from tests.equipment.programs import executable

SIZE = 2400  # bytes of a message, about
MEGABYTE = 1_000_000
CAMPAIGN = 100_000  # people


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table; `measured` in units of its own, `target` None where there is none."""

    name: str
    measured: str
    target: str = ""
    is_met: bool | None = None


def main() -> None:
    """Run everything and print the table."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="livery-bench-") as folder, ExitStack() as stack:
        bench = Bench(Path(folder), stack, arguments.messages, arguments.runs)
        parts: dict[str, Callable[[], list[Line]]] = {
            "composer": bench.composer,
            "sqlite": bench.sqlite,
            "postgresql": bench.postgresql,
            "signing": bench.signing,
            "far": bench.far,
            "campaign": bench.campaign,
            "memory": bench.memory,
        }
        for name, part in parts.items():
            if name in (arguments.only or parts):
                for line in part():
                    _show(line)


class Bench:
    """The measurements; what they need is started when it is first used."""

    def __init__(self, folder: Path, stack: ExitStack, messages: int, runs: int) -> None:
        self._folder = folder
        self._stack = stack
        self._messages = messages
        self._runs = runs
        self._number = count(1)
        self._peaks: list[int] = []

    def composer(self) -> list[Line]:
        speed = statistics.median(composer.composes_a_second(composer.recipients(20_000)))
        return [Line("composer, one core", f"{speed:,.0f}/s", "15,000/s", speed >= 15_000)]

    def sqlite(self) -> list[Line]:
        return self._whole_path("SQLite", lambda: None, 0.5)

    def postgresql(self) -> list[Line]:
        cluster = self._cluster()
        return self._whole_path("PostgreSQL", lambda: cluster.url(cluster.make_database()), 0.35)

    def signing(self) -> list[Line]:
        """One worker that signs each message, beside OpenSSL that only signs, on the same core; the
        sink has another. And two workers and the sink that share all there are."""
        messages = min(self._messages, 20_000)
        first, *others = sorted(os.sched_getaffinity(0))
        raw, whole, ratios, shared = [], [], [], []
        for _run in range(self._runs):
            raw.append(_signatures_of_openssl(processes=1, core=first))
            with _sink(cores=others or [first]) as port:
                measured = whole_path.measure(
                    self._new_folder(),
                    None,
                    port=port,
                    messages=messages,
                    workers=1,
                    is_signed=True,
                    core=first,
                )
            whole.append(measured)
            ratios.append(measured.per_second / raw[-1])
            of_two = _signatures_of_openssl(processes=2)
            with _sink() as port:
                measured = whole_path.measure(
                    self._new_folder(), None, port=port, messages=messages, is_signed=True
                )
            shared.append(measured.per_second / of_two)
        speed = statistics.median(run.per_second for run in whole)
        spent = statistics.median(run.processor_seconds for run in whole) / messages
        aside = composer.microseconds_beside_rsa()
        ratio = statistics.median(ratios)
        return [
            Line("openssl speed rsa2048, one core", f"{statistics.median(raw):,.0f}/s"),
            Line("whole path, signed, on that core", f"{speed:,.0f}/s"),
            Line("  processor time of ours a message", f"{spent * 1e6:.0f} µs"),
            Line("  Python's part of a signature", f"{aside:.1f} µs"),
            Line("  ratio to openssl speed", f"{ratio:.2f}", "0.7", ratio >= 0.7),
            Line("  where a sink shares the cores", f"{statistics.median(shared):.2f}"),
        ]

    def far(self) -> list[Line]:
        """One connection over 50 ms."""
        messages = 600
        with _sink() as port, DelayProxy(port, one_way=0.025) as proxy:
            measured = whole_path.measure(
                self._new_folder(),
                None,
                port=proxy.port,
                messages=messages,
                workers=1,
                connections=1,
            )
        speed = measured.per_second
        return [Line("one connection over 50 ms", f"{speed:.1f}/s", "19/s", speed >= 19)]

    def campaign(self) -> list[Line]:
        """One hundred thousand people, and one of two workers killed on the way."""
        with _sink() as port:
            one = campaign.measure(self._new_folder(), None, port=port, people=CAMPAIGN)
        sheet = one.balance
        is_whole = sheet.sent + sheet.unknown == CAMPAIGN and sheet.unknown <= 2
        return [
            Line(f"campaign, list of {CAMPAIGN:,} taken in", f"{one.taken_in:.1f} s"),
            Line("  rehearsed", f"{one.rehearsed * 1e3:.0f} ms"),
            Line("  launched", f"{one.launched * 1e3:.0f} ms", "2 s", one.launched <= 2),
            Line("  all of it in the outbox", f"{one.handed_over:.1f} s"),
            Line("  a page meanwhile (p95)", f"{one.page * 1e3:.0f} ms", "200 ms", one.page <= 0.2),
            Line("  the slowest page", f"{one.slowest * 1e3:.0f} ms"),
            Line("  carried, a worker killed in it", f"{one.carried:.1f} s"),
            Line("  sent, and not known", f"{sheet.sent:,} + {sheet.unknown}", "all", is_whole),
        ]

    def memory(self) -> list[Line]:
        if not self._peaks:
            return []
        peak = max(self._peaks) / MEGABYTE
        return [Line("memory of a worker, peak", f"{peak:.0f} MB", "150 MB", peak <= 150)]

    def _whole_path(
        self, store: str, make_url: Callable[[], str | None], target: float
    ) -> list[Line]:
        sources, whole, spent, ratios = [], [], [], []
        for _run in range(self._runs):
            # The peer before and after: the machine's speed changes while one looks.
            before = self._source()
            with _sink() as port:
                measured = whole_path.measure(
                    self._new_folder(), make_url(), port=port, messages=self._messages
                )
            sources.append(statistics.mean([before, self._source()]))
            whole.append(measured.per_second)
            self._peaks.append(measured.peak)
            spent.append(measured.processor_seconds / self._messages)
            ratios.append(whole[-1] / sources[-1])
        source, ours = statistics.median(sources), statistics.median(whole)
        ratio = statistics.median(ratios)
        return [
            Line("smtp-source -d -s 20", f"{source:,.0f}/s"),
            Line(f"whole path, {store}, two workers", f"{ours:,.0f}/s"),
            Line("  processor time of ours a message", f"{statistics.median(spent) * 1e6:.0f} µs"),
            Line(f"  ratio to smtp-source, {store}", f"{ratio:.2f}", f"{target}", ratio >= target),
        ]

    def _source(self) -> float:
        with _sink() as port:
            return _source(port, self._messages)

    def _new_folder(self) -> Path:
        return self._folder / f"run {next(self._number)}"

    def _cluster(self) -> Postgres:
        """As it comes from the package, safe on disk."""
        owner = unprivileged()
        folder = self._stack.enter_context(folder_for("bench", owner))
        make_cluster(folder / "data", owner)
        cluster = Postgres(folder / "data", folder, settings={"max_wal_size": "4GB"})
        cluster.start()
        self._stack.callback(cluster.daemon.stop)
        return cluster


@contextmanager
def _sink(*, cores: Sequence[int] = ()) -> Iterator[int]:
    """Postfix's smtp-sink on a free port; on these cores if any are named."""
    port = free_port()
    command: list[str | Path] = [
        executable("smtp-sink"),
        "-u",
        "nobody",
        f"127.0.0.1:{port}",
        "1000",
    ]
    sink = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if cores:
            os.sched_setaffinity(sink.pid, cores)
        wait_until(lambda: answers_on(port), "smtp-sink")
        yield port
    finally:
        sink.terminate()
        sink.wait()


def _source(port: int, messages: int) -> float:
    """Messages a second of Postfix's smtp-source with twenty connections."""
    command: list[str | Path] = [
        executable("smtp-source"),
        *("-d", "-s", "20", "-m", str(messages), "-l", str(SIZE)),
        *("-f", "orders@acme.example", "-t", "person@birch.example"),
        f"127.0.0.1:{port}",
    ]
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return messages / (time.perf_counter() - begun)


def _signatures_of_openssl(processes: int, *, core: int | None = None) -> float:
    """Signatures a second, of all processes together; on this core if one is named."""
    command = ["openssl", "speed", "-seconds", "3", "-multi", str(processes), "rsa2048"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as speed:
        if core is not None:
            os.sched_setaffinity(speed.pid, [core])
        said, _nothing = speed.communicate()
    if speed.returncode:
        raise RuntimeError("openssl speed failed")
    # rsa 2048 bits 0.000309s 0.000017s   3237.5  57818.5
    return float(said.splitlines()[-1].split()[-2])


def _show(line: Line) -> None:
    verdict = {None: "", True: "met", False: "NOT MET"}[line.is_met]
    print(f"{line.name:<38} {line.measured:>12} {line.target:>12} {verdict}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="*")
    return parser.parse_args()


if __name__ == "__main__":
    main()
