"""Put the final model and all that scoring a new case takes into one file."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.io.tables import read_table
    from radpipe.modelling.bundles import write_bundle
    from radpipe.modelling.bundling import summary_of
    from radpipe.modelling.scoring import Sources
    from radpipe.provenance import versions

    params, folder = snakemake.params, Path(snakemake.input.model[0]).parent
    summary = summary_of(
        folder,
        Sources(**params.sources),
        read_table(snakemake.input.clinical),
        params.features and read_table(params.features),
        params.study["features"]["clinical"],
    )
    context = {"study": params.study, "model": params.model, "summary": summary}
    write_bundle(folder, snakemake.output.bundle, context | {"versions": versions()}, params.parts)
