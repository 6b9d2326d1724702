"""Plan one segmenter from the training part of one fold."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Network, Normalisation
    from radpipe.io.layout import case_files
    from radpipe.segmentation.fingerprint import fingerprint
    from radpipe.segmentation.plan import write_plan
    from radpipe.segmentation.planning import make_plan

    params = snakemake.params
    files = case_files(
        params.cases, params.modalities, prepared=params.prepared, masks=params.masks
    )
    normalisation = Normalisation.model_validate(params.settings["normalisation"])
    plan = make_plan(
        Network.model_validate(params.segmenter),
        fingerprint(files, params.labels) if files else None,
        params.labels,
        params.modalities,
        normalised=all(normalisation.method_of(m) != "none" for m in params.modalities),
    )
    write_plan(plan, snakemake.output.plan)
