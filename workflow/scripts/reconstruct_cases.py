"""Show what an encoder with a decoder keeps of the cases held out of its training."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import read_encoder
    from radpipe.features.encoders import load_encoder
    from radpipe.features.reconstructions import reconstruct_folds
    from radpipe.io.layout import case_files
    from radpipe.io.tables import write_arrays, write_table

    params = snakemake.params
    settings = read_encoder(params.encoder)
    where = {"prepared": params.prepared, "masks": params.masks}
    folds = {
        fold: (
            load_encoder(weights, params.modalities, settings),
            case_files(cases, params.modalities, **where),
        )
        for weights, (fold, cases) in zip(
            snakemake.input.weights, params.folds.items(), strict=True
        )
    }
    table, arrays = reconstruct_folds(folds, threads=snakemake.threads)
    write_table(table, snakemake.output.table)
    write_arrays(arrays, snakemake.output.arrays)
