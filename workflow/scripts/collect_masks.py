"""Take the mask of each case from the fold whose weights never saw its patient."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.io.files import copy_file
    from radpipe.io.tables import read_table, write_table
    from radpipe.segmentation.manifest import mask_manifest, read_manifest

    folds, target = snakemake.params.folds, Path(snakemake.output.masks)
    checked = map(read_manifest, snakemake.input.manifests, snakemake.input.weights)
    manifests = dict(zip(folds, checked, strict=True))
    folders = dict(zip(folds, map(Path, snakemake.input.masks), strict=True))
    cases = read_table(snakemake.input.cases)
    manifest = mask_manifest(cases, read_table(snakemake.input.splits), manifests)
    for case, fold in zip(manifest["case"], manifest["fold"], strict=True):
        copy_file(folders[fold] / f"{case}.nii.gz", target / f"{case}.nii.gz")
    write_table(manifest, target / "manifest.tsv")
