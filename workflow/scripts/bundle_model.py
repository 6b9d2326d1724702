"""Put the final model and all that scoring a new case takes into one file."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.io.tables import read_table
    from radpipe.modelling.applying_summary import training_summary
    from radpipe.modelling.bundles import read_model, write_bundle
    from radpipe.modelling.fitting import FittedModel
    from radpipe.modelling.scoring import Sources
    from radpipe.provenance import versions
    from radpipe.types import FINAL

    params, folder = snakemake.params, Path(snakemake.input.model[0]).parent
    fitted, seen = read_model(folder), None
    if isinstance(fitted, FittedModel):
        shown = Sources(**params.sources).blocks(fitted.card["blocks"], FINAL)
        seen = shown.table[list(fitted.columns)]
    summary = training_summary(
        fitted.card,
        read_table(snakemake.input.clinical),
        params.features and read_table(params.features),
        seen,
        params.study["features"]["clinical"],
    )
    context = {"study": params.study, "model": params.model, "summary": summary}
    write_bundle(folder, snakemake.output.bundle, context | {"versions": versions()}, params.parts)
