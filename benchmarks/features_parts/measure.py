"""Measure one case by one extractor in a process of its own: values, seconds, peak memory.

Run by benchmarks/features.py: measure.py METHOD KIND IMAGE MASK RESULT. Packages are imported
before the clock starts; reading the two files is part of the time, and memory is the peak of the
whole process. It is that of the address space (VmHWM, so Linux only): `ru_maxrss` is handed down by
the process that starts this one, and would show the memory of the parent.
"""

import json
import logging
import math
import sys
import time
import warnings
from pathlib import Path

import SimpleITK as sitk
from radiomics.featureextractor import RadiomicsFeatureExtractor

from radpipe.config import Handcrafted
from radpipe.features.dictionary import feature_dictionary
from radpipe.features.handcrafted import extract_features

SIGMAS_MM = [1.0, 2.0, 3.0, 4.0, 5.0]
BINS = {"ct": {"bin_width": 25.0}, "mr": {"bin_count": 32}}
PYRADIOMICS_BINS = {"ct": {"binWidth": 25.0}, "mr": {"binCount": 32}}
PADDING_MM = 60.0
"""Padding of `preCrop` that leaves no feature wrong by more than 1e-6 with sigmas up to 5 mm."""

METHODS = ("default", "precrop", "radpipe", "one filter")


def main() -> None:
    method, kind, image_file, mask_file, result = sys.argv[1:]
    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    before_mb = peak_mb()
    wall, cpu = time.perf_counter(), time.process_time()
    image = sitk.ReadImage(image_file, sitk.sitkFloat32)
    mask = sitk.ReadImage(mask_file, sitk.sitkUInt8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = (
            pyradiomics_values(image, mask, kind, crop=method == "precrop")
            if method in ("default", "precrop")
            else radpipe_values(image, mask, kind, one_filter=method == "one filter")
        )
    found = {
        "cpu_s": time.process_time() - cpu,
        "wall_s": time.perf_counter() - wall,
        "peak_mb": peak_mb(),
        "grown_mb": peak_mb() - before_mb,
        "values": values,
    }
    Path(result).write_text(json.dumps(found), encoding="utf-8")


def peak_mb() -> float:
    """The most memory that this process has held since it began its own program."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def pyradiomics_values(
    image: sitk.Image, mask: sitk.Image, kind: str, *, crop: bool
) -> dict[str, float]:
    settings: dict[str, object] = dict(PYRADIOMICS_BINS[kind])
    if crop:
        padding = math.ceil(PADDING_MM / min(image.GetSpacing()))
        settings |= {"preCrop": True, "padDistance": padding}
    extractor = RadiomicsFeatureExtractor(additionalInfo=False, **settings)
    extractor.enableImageTypes(Original={}, LoG={"sigma": SIGMAS_MM}, Wavelet={})
    return {name: float(value) for name, value in extractor.execute(image, mask).items()}


def radpipe_values(
    image: sitk.Image, mask: sitk.Image, kind: str, *, one_filter: bool
) -> dict[str, float]:
    settings = Handcrafted(log_sigma_mm=SIGMAS_MM, **BINS[kind])
    if one_filter:
        settings = Handcrafted(image_types=["log"], log_sigma_mm=SIGMAS_MM[-1:], **BINS[kind])
    found = extract_features({"image": image}, mask, settings)
    if found.status != "ok":
        raise SystemExit(f"the case cannot be measured: {found.status}")
    names = feature_dictionary(found.values).set_index("column")["pyradiomics_name"]
    return {names[column]: value for column, value in found.values.items()}


if __name__ == "__main__":
    main()
