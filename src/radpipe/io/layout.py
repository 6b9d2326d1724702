"""Where the prepared images and masks of a study lie."""

from collections.abc import Iterable
from pathlib import Path

from radpipe.types import CaseFiles


def case_files(
    cases: Iterable[str],
    modalities: Iterable[str],
    *,
    prepared: str | Path,
    masks: str | Path | None = None,
) -> list[CaseFiles]:
    """The files of some cases, in the order given.

    Args:
        cases: names of cases.
        modalities: names of images, in the order in which a network sees them.
        prepared: folder with `<case>/<modality>.nii.gz`.
        masks: folder with `<case>.nii.gz`, if masks are wanted.
    """
    names = list(modalities)
    return [
        CaseFiles(
            case=case,
            images={m: Path(prepared) / case / f"{m}.nii.gz" for m in names},
            mask=None if masks is None else Path(masks) / f"{case}.nii.gz",
        )
        for case in cases
    ]
