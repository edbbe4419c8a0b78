"""The stages of a run, in plain functions that know nothing of Prefect."""
