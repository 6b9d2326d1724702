"""What the report says of regions that could not be measured."""

import pandas as pd

from radpipe.reporting.sections.features import NAMED, failed


def status(cases: int, reason: str) -> pd.DataFrame:
    names = [f"c{number}" for number in range(cases)]
    return pd.DataFrame({"case": names, "variant": "roi", "status": reason})


def test_few_cases_are_named_and_many_are_counted() -> None:
    few, many = status(2, "the mask is empty"), status(NAMED + 1, "the rim is empty")
    text = failed(pd.concat([few, many, status(1, "ok")]))
    assert text == (
        f" Not measurable: the mask is empty (`c0`, `c1`); the rim is empty ({NAMED + 1} cases)."
    )


def test_nothing_is_said_where_all_is_measured() -> None:
    assert failed(status(3, "ok")) == ""
    assert failed(pd.DataFrame()) == ""
