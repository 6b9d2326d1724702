"""Train one encoder on the training part of one fold."""

from radpipe.logs import job
from radpipe.slots import gpu_slot

with job(snakemake.log[0], snakemake.threads), gpu_slot():
    from radpipe.config import read_encoder
    from radpipe.features.encoders import check_sources, start_of, train_encoder
    from radpipe.io.layout import case_files
    from radpipe.io.tables import read_table, write_table
    from radpipe.modelling.encoding import read_sources
    from radpipe.networks.weights import save_weights
    from radpipe.segmentation.manifest import write_manifest

    params, output = snakemake.params, snakemake.output
    settings = read_encoder(params.encoder)
    cases = read_table(snakemake.input.cases)
    training = cases[cases["case"].isin(params.cases)]
    sources = read_sources(params.context, training)
    held_out = cases.loc[cases["case"].isin(params.held_out), "patient"]
    check_sources(settings, sources, held_out)
    network, log = train_encoder(
        case_files(params.cases, params.modalities, prepared=params.prepared, masks=params.masks),
        params.modalities,
        settings,
        seed=params.seed,
        threads=snakemake.threads,
        sources=sources,
    )
    write_table(log, output.training)
    write_manifest(
        output.manifest,
        weights=save_weights(network, output.weights),
        cases=training,
        settings=settings,
        start=start_of(settings, sources),
    )
