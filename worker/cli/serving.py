"""`makegood up`, `web`, `work`, `clock`, `migrate` and `doctor`: what runs all the time, and what it stands on."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from worker import tables
from worker.cli.errors import DONE, PERSON_NEEDED, UNREACHABLE, StopError, bad_input, one_line, unreachable
from worker.cli.opening import bring_to_head, build, opened
from worker.cli.options import Check, Json, example
from worker.faults import CRASHED

if TYPE_CHECKING:
    from dramatiq import Broker

    from worker.runtime import Runtime

_log = structlog.get_logger(__name__)

Port = Annotated[
    int | None, typer.Option("--port", min=0, max=65535, help="Where the receiver listens (default: the setting).")
]


class Role(StrEnum):
    """What beats."""

    CLOCK = "clock"
    WORK = "work"
    EXECUTOR = "executor"


def add_to(app: typer.Typer) -> None:
    """Hang the commands on the app."""
    app.command("up", epilog=example("up --port 8010"))(up)
    app.command("web", epilog=example("web --port 8010"))(web)
    app.command("work", epilog=example("work --threads 8"))(work)
    app.command("clock", epilog=example("clock"))(clock)
    app.command("migrate", epilog=example("migrate"))(migrate)
    app.command("doctor", epilog=example("doctor", "doctor --check --json", "doctor --alive work"))(doctor)


def up(port: Port = None) -> None:
    """Receiver, worker and clock in one process, until SIGTERM or Ctrl-C: what is being answered is answered, what is
    being handled is finished, the rest stays in the database."""
    with _serving(receives=True) as (runtime, broker, stop), ExitStack() as stack:
        from worker.actors import working
        from worker.money.child import executing

        stack.enter_context(executing(runtime))
        actors = stack.enter_context(working(runtime, broker))
        stack.enter_context(_ticking(runtime, actors.ring, stop))
        _listen(runtime, broker, actors.ring, port)


def web(port: Port = None) -> None:
    """The receiver of webhooks by itself, beside `work` and `clock`."""
    with _serving(receives=True, apart=True) as (runtime, broker, _):
        from worker.actors import declare

        _listen(runtime, broker, declare(runtime, broker).ring, port)


def work(threads: Annotated[int, typer.Option("--threads", min=1, max=64)] = 4) -> None:
    """A worker by itself: handles what the receiver keeps. Start as many as there is work for."""
    with _serving(apart=True) as (runtime, broker, stop):
        from worker.actors import working
        from worker.money.child import executing

        with executing(runtime), working(runtime, broker, threads=threads):
            stop.wait()


def clock() -> None:
    """The clock by itself: rings for what is unfinished, and judges each day what fell due. Two of them do no harm."""
    with _serving(apart=True) as (runtime, broker, stop):
        from worker.actors import declare
        from worker.clock import run_clock

        actors = declare(runtime, broker)
        run_clock(runtime, actors.ring, stop, wake=actors.wake)


@contextmanager
def _serving(*, receives: bool = False, apart: bool = False) -> Iterator[tuple[Runtime, Broker, threading.Event]]:
    """What every serving command stands on; the event is set when the process is told to stop. One that runs `apart`
    from the others needs a queue that reaches them, and one that `receives` the secret of a provider at least."""
    from config import logging
    from config import settings as reading
    from worker.accounts.by_provider import needs_of_sign_in
    from worker.broker import close, in_process, make_broker, reachable

    settings = reading.load()
    logging.configure(settings.log_level)
    if receives and not settings.stripe_webhook_secrets and settings.paypal_webhook_id is None:
        raise bad_input("MAKEGOOD_STRIPE_WEBHOOK_SECRETS or MAKEGOOD_PAYPAL_WEBHOOK_ID is needed to receive webhooks")
    if receives:
        needs_of_sign_in(settings)
    broker = make_broker(settings)
    try:
        if apart and in_process(broker):
            raise bad_input("MAKEGOOD_BROKER_URL: redis://... is needed beside other processes (or run `makegood up`)")
        # A receiver keeps what comes even while the queue is away; the others could do nothing.
        if not receives and not reachable(broker):
            raise unreachable("the queue is not reachable: MAKEGOOD_BROKER_URL names a Redis that does not answer")
        with opened(settings) as runtime, _told_to_stop() as stop:
            # What is loaded by now stays, and neither requests nor batches leave circles behind: looking for some at
            # every turn took a tenth of the time.
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)
            with _crashes_told():
                yield runtime, broker, stop
    finally:
        close(broker)


@contextmanager
def _crashes_told() -> Iterator[None]:
    """A defect that ends the process is a line of the log as everything else, without what is never logged."""
    try:
        yield
    except (StopError, typer.Exit, typer.Abort):
        raise
    except Exception as fault:
        if one_line(fault) is not None:
            raise
        _log.exception("crashed")
        raise StopError(CRASHED) from fault


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set, instead of ending the process where it stands."""
    stop = threading.Event()
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: stop.set()) for number in signals]
    try:
        yield stop
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def _ticking(runtime: Runtime, ring: Callable[[], None], stop: threading.Event) -> Iterator[None]:
    """The clock in a thread. Should it fail, the whole is stopped: without its clock it would only look alive."""
    from worker.clock import run_clock

    faults: list[BaseException] = []

    def tick() -> None:
        try:
            run_clock(runtime, ring, stop)
        except BaseException as fault:
            faults.append(fault)
            os.kill(os.getpid(), signal.SIGTERM)
            raise

    thread = threading.Thread(target=tick, name="clock")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if faults:
        raise faults[0]


def _listen(runtime: Runtime, broker: Broker, ring: Callable[[], None], port: int | None) -> None:
    """The receiver in this thread, until the process is told to stop."""
    from worker.broker import reachable
    from worker.web import api
    from worker.web.app import create_app
    from worker.web.console.routes import routes as console
    from worker.web.serve import serve

    settings = runtime.settings
    chosen = settings.port if port is None else port
    routes = [*api.routes(runtime, ring), *console(runtime)]
    app = create_app(runtime, ring=ring, queue_reachable=lambda: reachable(broker), routes=routes)
    try:
        serve(app, settings.host, chosen)
    except SystemExit as ended:
        # What the server does where it cannot listen; the reason stands in its log line.
        raise unreachable(f"{settings.host}:{chosen} cannot be listened on") from ended


def migrate() -> None:
    """Bring the database to the current schema. Harmless to repeat."""
    from config import logging
    from config import settings as reading
    from worker.engine import at_head

    settings = reading.load()
    logging.configure(settings.log_level)
    logging.tell_migrations()
    runtime = build(settings)
    try:
        current = at_head(runtime.engine)
        bring_to_head(runtime)
    finally:
        runtime.close()
    typer.echo("the database has the current schema" + (" already" if current else " now"))


def doctor(
    *,
    as_json: Json = False,
    check: Check = False,
    alive: Annotated[
        Role | None, typer.Option("--alive", help="Only whether this machine's process of that name is alive: 0 or 1.")
    ] = None,
) -> None:
    """Check settings, database, queue, clock, credentials, webhooks and policy bundles; say what to mend."""
    from worker.doctor import State, examine, is_alive

    if alive is not None:
        from config import settings as reading

        if is_alive(reading.load(), alive.value):
            return
        typer.echo(f"{alive.value} has not been alive on this machine for minutes", err=True)
        raise StopError(PERSON_NEEDED)
    worst = State.FINE
    for finding in examine():
        worst = max(worst, finding.state)
        if as_json:
            typer.echo(
                tables.as_json({"check": finding.what, "state": finding.state.name.lower(), "said": finding.said})
            )
        else:
            typer.echo(f"{finding.state.name.lower():<12} {finding.what:<20} {finding.said}")
    if worst is State.UNREACHABLE:
        raise StopError(UNREACHABLE)
    raise StopError(PERSON_NEEDED if check and worst is State.MEND else DONE)
