"""Bring the drawn mask of one case to one form."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.imaging.importing import import_mask
    from radpipe.io.images import read_image, write_image

    case, source = snakemake.wildcards.case, snakemake.input.mask
    raw = read_image(source, case=case)
    mask, _ = import_mask(raw, case=case, file=source, labels=snakemake.params.labels)
    write_image(mask, snakemake.output.mask)
