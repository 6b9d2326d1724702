"""Errors are for people: which case, which file, what was found, what was expected, what to do."""

from pathlib import Path


class RadpipeError(Exception):
    """A fault that a user can mend, said in one sentence.

    The parts are kept as attributes so that a caller can set a case aside with the reason.
    """

    def __init__(
        self,
        problem: str,
        *,
        case: str | None = None,
        file: Path | str | None = None,
        found: object | None = None,
        expected: object | None = None,
        hint: str | None = None,
    ) -> None:
        self.problem = problem
        self.case = case
        self.file = None if file is None else str(file)
        self.found = found
        self.expected = expected
        self.hint = hint
        super().__init__(self.sentence())

    def within(self, what: str) -> "RadpipeError":
        """The same error, of a part of the study that the place it arose in does not know."""
        facts = ("case", "file", "found", "expected", "hint")
        return type(self)(f"{what}: {self.problem}", **{key: getattr(self, key) for key in facts})

    def sentence(self) -> str:
        """The whole message: `case 'x', file y: problem; found a, expected b; hint`."""
        where = [f"case '{self.case}'"] if self.case else []
        where += [f"file {self.file}"] if self.file else []
        facts = [f"found {self.found}"] if self.found is not None else []
        facts += [f"expected {self.expected}"] if self.expected is not None else []
        text = ", ".join(where) + ": " if where else ""
        text += self.problem
        if facts:
            text += "; " + ", ".join(facts)
        if self.hint:
            text += f"; {self.hint}"
        return text


class ConfigError(RadpipeError):
    """The study config says something that cannot be meant."""


class CaseError(RadpipeError):
    """A row of the case sheet, or a file it names, cannot be used."""


class FitError(RadpipeError):
    """Something cannot be fitted on the data at hand."""
