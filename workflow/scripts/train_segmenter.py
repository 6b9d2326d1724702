"""Train one segmenter on the training part of one fold."""

from radpipe.logs import job
from radpipe.slots import gpu_slot

with job(snakemake.log[0], snakemake.threads), gpu_slot():
    from radpipe.config import Segmenter
    from radpipe.io.layout import case_files
    from radpipe.io.tables import read_table, write_table
    from radpipe.networks.weights import save_weights
    from radpipe.segmentation.manifest import write_manifest
    from radpipe.segmentation.training import train_segmenter

    params = snakemake.params
    settings = Segmenter.model_validate(params.segmenter)
    files = case_files(
        params.cases, params.modalities, prepared=params.prepared, masks=params.masks
    )
    network, log = train_segmenter(
        files, settings, params.labels, seed=params.seed, threads=snakemake.threads
    )
    write_table(log, snakemake.output.training)
    weights = save_weights(network, snakemake.output.weights)
    cases = read_table(snakemake.input.cases)
    cases = cases[cases["case"].isin(params.cases)]
    write_manifest(snakemake.output.manifest, weights=weights, cases=cases, settings=settings)
