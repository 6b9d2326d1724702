"""What the methods say of fused images."""

import re

import pytest

from radpipe.config import FusedImage
from radpipe.reporting.references import REFERENCES
from radpipe.reporting.sections.methods import fused_image


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            {"method": "average", "weights": [0.6, 0.4], "window": {"CT": [-160, 240]}},
            "`PETCT` was the voxel-wise mean of `PET` and `CT`, weighted 0.6 and 0.4; percentiles "
            "1 and 99, or the window of `CT` (-160 to 240), of each input were brought to 0 and 1 "
            "before.",
        ),
        ({"method": "wavelet", "levels": 2}, "larger of the details of a wavelet transform (`db2`"),
        ({"method": "guided"}, "weights by local detail, smoothed by guided filters (mean filter"),
    ],
)
def test_the_methods_say_how_an_image_was_fused(content: dict, said: str) -> None:
    text = fused_image(FusedImage.model_validate({"name": "PETCT", "of": ["PET", "CT"], **content}))
    assert said in text
    cited = set(re.findall(r"\[@(\w+)\]", text))
    assert cited <= set(REFERENCES)
    assert bool(cited) == (content["method"] != "average")
