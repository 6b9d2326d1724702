"""Parts of `benchmarks/radmlbench.py`: tables that are read, the page that is written."""
