"""What all tables share: how Python's types become PostgreSQL's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase

Timestamp = DateTime(timezone=True)


class Base(DeclarativeBase):
    type_annotation_map = {  # noqa: RUF012  # SQLAlchemy's own API
        datetime: Timestamp,
        str: Text,
        dict[str, Any]: JSONB(none_as_null=True),
        list[str]: ARRAY(Text),
    }
