"""What is predicted."""

from typing import Literal

from pydantic import Field

from radpipe.config.base import Section


class Outcome(Section):
    """What is predicted."""

    column: str = Field(description="column of the case sheet that holds the outcome")
    kind: Literal["binary"] = Field("binary", description="kind of the outcome")
    positive: str | int = Field(1, description="the value of the column that counts as positive")
