"""The endpoints, with every form of a marker."""

from typing import Annotated

from dependency_injector.wiring import Provide, inject
from fastapi import APIRouter, Depends

from .containers import Container
from .services import Exchange

router = APIRouter()


@router.get("/change")
@inject
async def change(
    amount: float,
    currency: str | None = None,
    default_currency: str = Depends(Provide[Container.config.currency]),
    exchange: Exchange = Depends(Provide[Container.exchange]),  # noqa: B008  # as FastAPI's users write it
) -> dict[str, str | float]:
    used = currency or default_currency
    return {"currency": used, "amount": await exchange.change(amount, used)}


@router.get("/annotated")
@inject
async def annotated(exchange: Annotated[Exchange, Depends(Provide["exchange"])]) -> str:
    return exchange.bank.url


@router.get("/in-a-thread")
@inject
def in_a_thread(url: Annotated[str, Depends(Provide["config.url"])]) -> str:
    return url
