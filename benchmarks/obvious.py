"""The obvious way to receive and to handle webhooks, to measure against: the provider's own check and objects, an ORM,
and one commit for each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime

import stripe
from sqlalchemy import DateTime, Engine, LargeBinary, String, create_engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from benchmarks import bodies
from worker.runtime import utc_now


class Base(DeclarativeBase):
    pass


class Event(Base):
    __tablename__ = "obvious_events"
    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(String, unique=True)
    kind: Mapped[str]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    handled: Mapped[bool] = mapped_column(default=False)


class Payment(Base):
    __tablename__ = "obvious_payments"
    id: Mapped[str] = mapped_column(primary_key=True)
    customer: Mapped[str | None] = mapped_column(index=True)
    invoice: Mapped[str | None] = mapped_column(index=True)
    amount: Mapped[int]
    currency: Mapped[str]
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


def create_app() -> Starlette:
    """The receiver, on the database of `OBVIOUS_URL`."""
    engine = create_engine(os.environ["OBVIOUS_URL"], pool_size=20)

    def store(body: bytes, header: str) -> None:
        told = stripe.Webhook.construct_event(body, header, bodies.SECRET)
        at = datetime.fromtimestamp(told.created, UTC)
        with suppress(IntegrityError), Session(engine) as orm, orm.begin():
            orm.add(Event(event_id=told.id, kind=told.type, at=at, body=body))

    async def webhook(request: Request) -> JSONResponse:
        await run_in_threadpool(store, await request.body(), request.headers["stripe-signature"])
        return JSONResponse({"status": "stored"})

    return Starlette(routes=[Route("/webhooks/stripe", webhook, methods=["POST"])])


def tables(url: str) -> Engine:
    """An engine on this database, with both tables made anew."""
    engine = create_engine(url)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    return engine


def note(engine: Engine, events: int) -> list[str]:
    """Store so many events, as the receiver does; returns their ids."""
    ids = []
    with Session(engine) as orm, orm.begin():
        for number in range(1, events + 1):
            body = bodies.event(number)
            ids.append(json.loads(body)["id"])
            orm.add(Event(event_id=ids[-1], kind="charge.succeeded", at=utc_now(), body=body))
    return ids


def handle(engine: Engine, event_id: str) -> None:
    """One stored event becomes a payment, in a transaction of its own."""
    with Session(engine) as orm, orm.begin():
        event = orm.execute(select(Event).where(Event.event_id == event_id).with_for_update()).scalar_one()
        told = stripe.Event.construct_from(json.loads(event.body), None)
        charge = told.data.object
        at = datetime.fromtimestamp(charge.created, UTC)
        orm.merge(
            Payment(
                id=charge.id,
                customer=charge.customer,
                invoice=charge.invoice,
                amount=charge.amount,
                currency=charge.currency,
                at=at,
            )
        )
        event.handled = True


def handle_each(engine: Engine, event_ids: Iterable[str]) -> None:
    for event_id in event_ids:
        handle(engine, event_id)
