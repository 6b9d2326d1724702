"""Fit one classical segmenter on the training part of one fold."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Classical
    from radpipe.io.layout import case_files
    from radpipe.io.tables import read_table
    from radpipe.segmentation.classical.fitting import fit_classical
    from radpipe.segmentation.classical.storage import save_classical
    from radpipe.segmentation.manifest import write_manifest

    params = snakemake.params
    settings = Classical.model_validate(params.segmenter)
    files = case_files(
        params.cases, params.modalities, prepared=params.prepared, masks=params.masks
    )
    fitted = fit_classical(
        files, settings, params.labels, seed=params.seed, threads=snakemake.threads
    )
    sha256 = save_classical(fitted, snakemake.output.fitted)
    cases = read_table(snakemake.input.cases)
    cases = cases[cases["case"].isin(params.cases)]
    write_manifest(snakemake.output.manifest, weights=sha256, cases=cases, settings=settings)
