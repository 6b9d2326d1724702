"""Score the external cohort with the frozen bundle; no outcome is read."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.io.tables import write_table
    from radpipe.modelling.bundles import read_bundle
    from radpipe.modelling.scoring import Sources, score_fold
    from radpipe.types import FINAL

    bundle = read_bundle(snakemake.input.bundle)
    sources = Sources(**snakemake.params.sources)
    scores = score_fold(bundle.fitted, snakemake.params.cases, FINAL, sources)
    write_table(scores.assign(bundle_sha256=bundle.sha256), snakemake.output.scores)
