"""Train one segmenter on the training part of one fold."""

from pathlib import Path

from radpipe.logs import job
from radpipe.slots import gpu_slot

with job(snakemake.log[0], snakemake.threads), gpu_slot():
    from radpipe.io.layout import case_files
    from radpipe.io.tables import read_table, write_table
    from radpipe.networks.weights import save_weights
    from radpipe.segmentation.manifest import check_start, write_manifest
    from radpipe.segmentation.plan import read_plan
    from radpipe.segmentation.training import train_segmenter

    params = snakemake.params
    plan = read_plan(snakemake.input.plan)
    cohort = read_table(snakemake.input.cases).set_index("case", drop=False)
    cases = cohort.loc[params.cases]
    if plan.segmenter.start is not None:
        check_start(plan.segmenter.start, cohort.loc[params.held_out, "patient"])
    network, log = train_segmenter(
        case_files(params.cases, params.modalities, prepared=params.prepared, masks=params.masks),
        plan,
        params.labels,
        patients=list(cases["patient"].astype(str)),
        seed=params.seed,
        threads=snakemake.threads,
        checkpoints=Path(params.checkpoints),
    )
    write_table(log, snakemake.output.training)
    weights = save_weights(network, snakemake.output.weights)
    write_manifest(
        snakemake.output.manifest,
        weights=weights,
        cases=cases,
        settings=plan,
        start=plan.segmenter.start,
    )
