"""Commands and the tools of a build: which will be used, and what it can really do."""
