"""The endpoints."""

from typing import Annotated, Any

from dependency_injector.wiring import Provide, inject
from fastapi import APIRouter, Depends, HTTPException

from .containers import Container
from .repositories import NoTaskError, Tasks
from .services import ToDo

router = APIRouter()


def shown(task: Any) -> dict[str, Any]:
    return {"id": task.id, "title": task.title, "done": task.done}


@router.get("/tasks")
@inject
def open_tasks(to_do: Annotated[ToDo, Depends(Provide[Container.to_do])]) -> list[dict[str, Any]]:
    return [shown(task) for task in to_do.open()]


@router.post("/tasks", status_code=201)
@inject
def add(title: str, tasks: Annotated[Tasks, Depends(Provide[Container.tasks])]) -> dict[str, Any]:
    return shown(tasks.add(title))


@router.post("/tasks/{number}/done")
@inject
def finish(number: int, tasks: Annotated[Tasks, Depends(Provide[Container.tasks])]) -> dict[str, Any]:
    try:
        return shown(tasks.finish(number))
    except NoTaskError as error:
        raise HTTPException(404) from error
