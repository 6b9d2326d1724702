"""Is a file whole? ITK fills in what is missing of a NIfTI and says nothing.

Apart from `images`, so that only the check of the cohort waits for nibabel.
"""

import gzip
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np

from radpipe.errors import CaseError
from radpipe.io.images import COMPLETE

NIFTI = (".nii", ".nii.gz")


def check_complete(path: str | Path, *, case: str | None = None) -> None:
    """See that a file is whole: ITK fills what a truncated NIfTI lacks and says nothing.

    A gzip stream is read to its checksum; a NIfTI is as long as its header declares.

    Raises:
        CaseError: the file is missing, truncated or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise CaseError("the image file does not exist", case=case, file=path)
    zipped = path.suffix == ".gz"
    problem = "the image cannot be read"
    try:
        length = _unzipped_length(path) if zipped else path.stat().st_size
    except (EOFError, OSError, zlib.error) as error:
        found = f"a truncated or damaged gzip stream ({error})"
        raise CaseError(problem, case=case, file=path, found=found, expected=COMPLETE) from error
    if path.name.endswith(NIFTI) and length < _declared_length(path, case):
        found = f"a truncated file of {length} bytes"
        expected = f"{_declared_length(path, case)} bytes, as its header says"
        raise CaseError(problem, case=case, file=path, found=found, expected=expected)


def count_nonfinite(path: str | Path) -> tuple[int, int]:
    """Voxels of a NIfTI file that are NaN or infinite, and all voxels.

    ITK replaces such voxels by zero while it reads a NIfTI and says nothing, so that only the file
    itself can tell. Other formats keep them: there both numbers are zero here.
    """
    path = Path(path)
    if not path.name.endswith(NIFTI):
        return 0, 0
    file = nib.nifti1.load(path)
    if not np.issubdtype(file.header.get_data_dtype(), np.floating):
        return 0, 0
    values = file.dataobj.get_unscaled()
    return int(values.size - np.count_nonzero(np.isfinite(values))), int(values.size)


def _unzipped_length(path: Path) -> int:
    with gzip.open(path, "rb") as stream:
        return sum(len(chunk) for chunk in iter(lambda: stream.read(1 << 20), b""))


def _declared_length(path: Path, case: str | None) -> int:
    """Bytes of header and voxels that a NIfTI file promises."""
    try:
        voxels = nib.nifti1.load(path).dataobj
        return int(voxels.offset) + int(np.prod(voxels.shape)) * int(voxels.dtype.itemsize)
    except (nib.filebasedimages.ImageFileError, nib.spatialimages.HeaderDataError) as error:
        found = f"no NIfTI header ({error})"
        raise CaseError(
            "the image cannot be read", case=case, file=path, found=found, expected=COMPLETE
        ) from error
