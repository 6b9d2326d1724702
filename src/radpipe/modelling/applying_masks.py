"""Masks of new cases, drawn by the segmenters of a bundle as the workflow draws external cases."""

from pathlib import Path

from radpipe.config import Classical, Study
from radpipe.io.images import write_image
from radpipe.segmentation.classical.drawing import segment_classical
from radpipe.segmentation.classical.fitted import FittedClassical
from radpipe.segmentation.classical.storage import load_classical
from radpipe.segmentation.drawers import all_drawers, coarse_of, drawers, segmenter_of
from radpipe.segmentation.inference import Member
from radpipe.segmentation.members import MASKS, draw_fold, load_members
from radpipe.types import FINAL, CaseFiles


def first_repeat(study: Study) -> list[str]:
    """The folds by whose mean a new case may be drawn."""
    return [fold for fold in study.splits.outer if fold.startswith("r1f")]


class MaskDrawer:
    """The segmenters of a bundle, each read once.

    Attributes:
        study: the settings of the study.
        folder: holds `segmenters/<segmenter>/<fold>/` as the bundle brought them; the masks are
            written beside the weights.
        first_repeat: the folds by whose mean a new case may be drawn.
    """

    def __init__(self, study: Study, folder: Path) -> None:
        self.study = study
        self.folder = folder
        self.first_repeat = first_repeat(study)
        self._classical: dict[str, FittedClassical] = {}
        self._members: dict[str, list[Member | Path]] = {}

    def folders(self, segmenter: str) -> list[Path]:
        """The folders of all that have a hand in a mask."""
        hands = all_drawers(self.study.segmentation, segmenter, FINAL, self.first_repeat)
        return [self.folder / "segmenters" / name / fold for name, fold in hands]

    def draw(self, segmenter: str, files: CaseFiles, fold: str = FINAL) -> Path:
        """Draw one case and write the mask.

        Args:
            segmenter: of whatever kind.
            files: prepared images; of a mask only the box is used, by those that need one.
            fold: that the segmenter was fitted in.

        Returns:
            The file of the mask.

        Raises:
            CaseError: the images do not fit together, or a box is needed and there is no mask.
        """
        target = self.folder / "segmenters" / segmenter / fold
        mask = target / MASKS / f"{files.case}.nii.gz"
        sections, labels = self.study.segmentation, self.study.segmentation.labels
        own = segmenter_of(sections, segmenter, self.study.images.reference)
        if isinstance(own, Classical):
            fitted = self._fitted(segmenter, fold)
            drawn = segment_classical(fitted, files, own, labels, box=files.mask)
            write_image(drawn, mask)
            return mask
        together = drawers(sections, segmenter, fold, self.first_repeat)
        for name, of_fold in together:
            if isinstance(segmenter_of(sections, name), Classical):
                self.draw(name, files, of_fold)
        coarse = [self.draw(name, files, fold) for name in coarse_of(sections, together)]
        draw_fold(
            own,
            self._loaded(segmenter, fold),
            [CaseFiles(files.case, files.images)],
            labels,
            coarse=coarse[0].parent if coarse else None,
            target=target,
        )
        return mask

    def _fitted(self, segmenter: str, fold: str) -> FittedClassical:
        place = f"{segmenter}/{fold}"
        if place not in self._classical:
            folder = self.folder / "segmenters" / place / "fitted"
            self._classical[place] = load_classical(folder)
        return self._classical[place]

    def _loaded(self, segmenter: str, fold: str) -> list[Member | Path]:
        place = f"{segmenter}/{fold}"
        if place not in self._members:
            sections, reference = self.study.segmentation, self.study.images.reference
            places = [
                {
                    "segmenter": segmenter_of(sections, name, reference).model_dump(mode="json"),
                    "folder": self.folder / "segmenters" / name / of_fold,
                }
                for name, of_fold in drawers(sections, segmenter, fold, self.first_repeat)
            ]
            inputs = len(self.study.images.prepared)
            self._members[place] = load_members(places, sections.labels, inputs=inputs)
        return self._members[place]
