"""The marks of text and the printing of numbers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radpipe.reporting.document import (
    Paragraph,
    Report,
    Section,
    Span,
    Table,
    literal,
    plain,
    spans_of,
)
from radpipe.reporting.kinds import KINDS
from radpipe.reporting.method_names import method_name
from radpipe.reporting.numbers import (
    count,
    listing,
    number,
    p_clause,
    p_value,
    significant,
    with_bounds,
)
from radpipe.reporting.pdf import quoted
from radpipe.reporting.references import REFERENCES
from radpipe.reporting.sections import judgement
from radpipe.reporting.tidy import Difference, Finding

BINARY = KINDS["binary"]


def test_marks_become_spans() -> None:
    assert spans_of("a **b** *c* `d_e` [@holm1979].") == [
        Span("text", "a "),
        Span("strong", "b"),
        Span("text", " "),
        Span("emphasis", "c"),
        Span("text", " "),
        Span("name", "d_e"),
        Span("text", " "),
        Span("cite", "holm1979"),
        Span("text", "."),
    ]


@given(st.text())
def test_what_a_user_wrote_is_never_read_as_a_mark(text: str) -> None:
    assert plain(literal(text)) == text
    assert all(span.kind == "text" for span in spans_of(literal(text)))


@given(st.text(min_size=1))
def test_what_a_user_wrote_keeps_its_characters_inside_a_mark(text: str) -> None:
    assert spans_of(f"`{literal(text)}`") == [Span("name", text)]
    assert spans_of(f"**{literal(text)}**") == [Span("strong", text)]


@given(st.text())
def test_a_typst_string_ends_where_it_should(text: str) -> None:
    inner = quoted(text)[1:-1]
    # After taking out escaped pairs, neither a quote nor a backslash may be left.
    rest = inner.replace("\\\\", "").replace('\\"', "")
    assert '"' not in rest
    assert "\\" not in rest
    assert "\n" not in quoted(text)


def test_citations_are_numbered_by_first_mention() -> None:
    blocks = (Paragraph("x [@holm1979] [@bates2024]"), Paragraph("y [@holm1979] [@riley2020]"))
    report = Report("t", "s", (Section("k", "K", blocks),))
    assert report.citations == ["holm1979", "bates2024", "riley2020"]


def test_references_have_well_formed_dois() -> None:
    dois = [r.doi for r in REFERENCES.values() if r.doi]
    assert len(set(dois)) == len(dois)
    assert all(doi.startswith("10.") and "/" in doi and " " not in doi for doi in dois)


def test_a_table_refuses_ragged_rows() -> None:
    with pytest.raises(ValueError, match="a row has 1 cells, the table 2"):
        Table(("a", "b"), (("1",),), "caption")


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (number(0.12345), "0.123"),
        (number(-0.00001), "0.000"),
        (number(-1.5, 1), "−1.5"),
        (number(math.nan), "–"),
        (number("no number"), "–"),
        (p_value(0.00049), "<0.001"),
        (p_value(0.0123), "0.012"),
        (p_clause(1e-9), "p < 0.001"),
        (p_clause(0.2), "p = 0.200"),
        (significant(662.0), "662"),
        (significant(0.012345), "0.0123"),
        (with_bounds(0.5, 0.25, 0.75), "0.500\n(0.250 to 0.750)"),
        (with_bounds(0.5, math.nan, math.nan), "0.500"),
        (count(1, "case"), "1 case"),
        (count(2, "criterion", "criteria"), "2 criteria"),
        (listing(["a", "b", "c"]), "a, b and c"),
    ],
)
def test_numbers_are_printed_as_a_reader_expects(printed: str, expected: str) -> None:
    assert printed == expected


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (
            "obuchowski_pooled_oof_conditional",
            "Obuchowski's interval for clustered data, pooled out-of-fold",
        ),
        ("delong_paired", "DeLong's paired test"),
        (
            "patient_bootstrap_pooled_oof_conditional (mean of 3 repeats)",
            "bootstrap over patients, pooled out-of-fold (mean of 3 repeats)",
        ),
        (
            "nadeau_bengio over 5 folds with both classes",
            "Nadeau and Bengio's corrected interval over 5 folds with both classes",
        ),
        ("undefined: one class", "undefined: one class"),
        ("some_new_method", "some new method"),
    ],
)
def test_methods_are_named_in_words(method: str, words: str) -> None:
    assert method_name(method) == words


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.4, 0.7, "cannot tell this model from chance"),
        (0.5, 0.7, "cannot tell this model from chance"),
        (0.1, 0.4, "worse than chance"),
        (0.55, 0.95, "interval is wide"),
        (math.nan, math.nan, "No interval"),
        (1.0, 1.0, "that is not certainty"),
    ],
)
def test_an_interval_that_says_little_is_called_out(low: float, high: float, expected: str) -> None:
    callout = judgement.chance_callout(Finding(0.6, low, high), "external", BINARY)
    assert callout is not None
    assert expected in callout.text.replace("\n", " ")


def test_a_narrow_interval_above_chance_needs_no_warning() -> None:
    assert judgement.chance_callout(Finding(0.8, 0.75, 0.85), "external", BINARY) is None


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (Difference(0.1, 0.05, 0.15, 0.001, 0.01), "did better than"),
        (Difference(-0.1, -0.15, -0.05, 0.001, 0.01), "did worse than"),
        (Difference(0.1, 0.01, 0.19, 0.03, 0.09), "could not be told apart"),
        (Difference(0.1, -0.02, 0.22, 0.1, 0.01), "could not be told apart"),
        (
            Difference(0.1, math.nan, math.nan, math.nan, math.nan),
            "+0.100; no interval can be given",
        ),
    ],
)
def test_only_adjusted_differences_are_called_differences(
    difference: Difference, expected: str
) -> None:
    sentence = judgement.difference_sentence("a", "b", "development", difference, BINARY)
    assert expected in sentence
