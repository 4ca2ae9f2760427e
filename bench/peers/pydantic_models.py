"""Pydantic models of items, for FastAPI and Quart."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

NO_NUL = r"^[^\x00]*$"


def unique(tags: list[str]) -> list[str]:
    if len(set(tags)) < len(tags):
        raise ValueError("must not be there twice")
    return tags


Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=NO_NUL)
]
Description = Annotated[str, Field(max_length=2000, pattern=NO_NUL)]
Status = Literal["todo", "doing", "done"]
Quantity = Annotated[int, Field(strict=True, ge=0, le=2_147_483_647)]
Tag = Annotated[str, Field(min_length=1, max_length=50, pattern=NO_NUL)]
Tags = Annotated[list[Tag], Field(max_length=20), AfterValidator(unique)]


class ItemInput(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    description: Description | None = None
    status: Status = "todo"
    quantity: Quantity = 1
    tags: Tags = []


class ItemPatch(BaseModel):
    """Only the fields to change; null resets a field to its default."""

    model_config = ConfigDict(extra="forbid")

    name: Name = ""
    description: Description | None = None
    status: Status | None = None
    quantity: Quantity | None = None
    tags: Tags | None = None

    def changes(self) -> dict[str, Any]:
        sent = self.model_dump(exclude_unset=True)
        defaults = ItemInput.model_fields
        return {
            name: defaults[name].get_default(call_default_factory=True) if value is None else value
            for name, value in sent.items()
        }


class Item(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    description: str | None
    status: Status
    quantity: int
    tags: list[str]
    created_at: datetime
    updated_at: datetime
    version: int


class ItemPage(BaseModel):
    items: list[Item]
    next_cursor: str | None


class Health(BaseModel):
    status: str
    timestamp: datetime
