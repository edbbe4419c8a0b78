"""Plain functions in a coat: what Prefect shows, retries and limits."""
