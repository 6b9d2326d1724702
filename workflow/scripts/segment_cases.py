"""Draw the masks of the held-out cases of one fold, and how sure they are."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import read_segmenter
    from radpipe.io.layout import case_files
    from radpipe.io.tables import write_table
    from radpipe.segmentation.members import draw_fold, load_members

    params, output = snakemake.params, snakemake.output
    uncertainty = draw_fold(
        read_segmenter(params.segmenter),
        load_members(params.members, params.labels, inputs=len(params.modalities)),
        case_files(params.cases, params.modalities, prepared=params.prepared),
        params.labels,
        coarse=Path(params.coarse) if params.coarse else None,
        target=Path(output.uncertainty).parent,
    )
    write_table(uncertainty, output.uncertainty)
