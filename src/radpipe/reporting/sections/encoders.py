"""Deep features: what each encoder is, and what those with a decoder keep of a case."""

import pandas as pd

from radpipe.config import Encoder
from radpipe.config import encoders as kinds
from radpipe.io.tables import read_table
from radpipe.reporting.context import Context
from radpipe.reporting.document import Paragraph, Section, Table, literal
from radpipe.reporting.numbers import listing, number

_WORDS: dict[str, str] = {
    "autoencoder": "an autoencoder [@hinton2006]",
    "denoising": "a denoising autoencoder [@vincent2008]",
    "variational": "a variational autoencoder [@kingma2014]",
    "belief": "a deep belief network of Bernoulli units [@hinton2006belief]",
    "cnn3d": "a 3-D convolutional network",
    "lstm": "an LSTM over slice features [@hochreiter1997]",
    "transformer": "a transformer over slice features [@vaswani2017]",
    "capsule": "a capsule network with routing by agreement [@sabour2017]",
}
_KEPT: dict[str, str] = {
    "autoencoder": "its bottleneck",
    "denoising": "its bottleneck",
    "variational": "the mean of its code",
    "belief": "the chances of its highest units",
    "cnn3d": "its penultimate layer",
    "lstm": "its last states",
    "transformer": "its mean over the slices",
    "capsule": "its last capsules",
}


def deep_features(context: Context) -> Section | None:
    """Reconstructions of held-out cases by each encoder that can show them."""
    tables = {name: read_table(path) for name, path in context.inputs.reconstruction_errors.items()}
    if not tables:
        return None
    text = (
        "An encoder with a decoder can show what its numbers keep of a case. Every case below was "
        "held out of the training of its encoder. Errors are root mean squares over the images of "
        "the crop, in standard deviations of the training crops: what is kept by no more than "
        "their mean has an error of about 1. A small error does not say that what matters for the "
        "outcome is kept."
    )
    figures = context.figures("reconstructions")
    return Section("encoders", "Deep features", (Paragraph(text), _errors(tables), *figures))


def describe(settings: Encoder) -> str:
    """An encoder in one or two sentences of the methods text."""
    name = f"`{literal(settings.name)}`"
    if isinstance(settings, kinds.Bottleneck):
        return (
            f"{name} are the deepest features of segmenter `{literal(settings.segmenter)}` of the "
            "same fold, their mean and their maximum over the mask."
        )
    crop = " × ".join(str(v) for v in settings.crop)
    seen = f"a crop of {crop} voxels{_around(settings)}"
    if isinstance(settings, kinds.Given):
        paper = "huang2017" if settings.network == "densenet121" else "he2016"
        return (
            f"{name} are the features of a {settings.network} [@{paper}] with given weights, its "
            f"mean over {seen}; only the scale of intensities was taken from the training part."
        )
    taught = " on the outcome of the training part" if _learns(settings) else ""
    steps = f"{settings.steps} steps" + (" a layer" if isinstance(settings, kinds.Belief) else "")
    return (
        f"{name} is {_WORDS[settings.kind]} of {seen}, trained anew in each fold{taught} for "
        f"{steps}; {_KEPT[settings.kind]} is the embedding."
    )


def _learns(settings: kinds.CropEncoder) -> bool:
    return isinstance(settings, kinds.Supervised)


def _around(settings: kinds.CropEncoder) -> str:
    """How the crop lies around the region, and whether the mask is seen."""
    parts = []
    margin = settings.margin_mm if settings.margin_mm is not None else settings.margin_voxels
    if margin is not None:
        unit = "mm" if settings.margin_mm is not None else "voxels"
        how = "scaled from" if settings.resample else "blanked beyond"
        parts.append(f"{how} the box of the region and {margin:g} {unit} around it")
    if not settings.mask_channel:
        parts.append("without the mask")
    return f" ({listing(parts)})" if parts else ""


def _errors(tables: dict[str, pd.DataFrame]) -> Table:
    rows = []
    for name, table in tables.items():
        known = table.dropna(subset=["rmse"])
        ends = [known["rmse"].median(), known["rmse"].min(), known["rmse"].max()]
        inside = known["rmse_region"].median()
        rows.append((name, str(len(known)), *(number(v, 2) for v in (*ends, inside))))
    return Table(
        ("encoder", "cases", "median", "lowest", "highest", "median\nin the region"),
        tuple(rows),
        "**Reconstruction errors of held-out cases** by encoder (RMSE, in SD).",
        "Errors of every case are in `embeddings/<encoder>/reconstruction.tsv`.",
    )
