"""Take the mask of each case from the fold whose weights never saw its patient."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.io.tables import read_table
    from radpipe.segmentation.collection import FoldFolder, collect_masks
    from radpipe.segmentation.manifest import join_manifests, read_manifest

    params = snakemake.params
    folders = dict(zip(params.folds, map(Path, snakemake.input.masks), strict=True))
    manifests = {
        fold: join_manifests(read_manifest(path) for path in paths)
        for fold, paths in params.manifests.items()
    }
    collect_masks(
        read_table(snakemake.input.cases),
        read_table(snakemake.input.splits),
        {fold: FoldFolder(folders[fold].parent, manifests[fold]) for fold in params.folds},
        native=dict(zip(params.cases, map(Path, snakemake.input.native), strict=True)),
        target=Path(snakemake.output.masks),
    )
