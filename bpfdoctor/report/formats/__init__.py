'''One module a format. Adding a format is adding a file here, and its test.

The file's name is the format's name, and its first line is the docstring that `--help`, completion
and the reference show. For each kind of document that the format can write, the module has a
function of that kind's name (`bpfdoctor/report/documents.py` lists them):

    """GitHub annotations: a line for each finding that is needed and does not pass."""

    def report(document: ReportDocument, paper: PaperOf) -> str: ...

A document that it has no function for is a usage error before anything is run. What it is given is
redacted, unless it says `REDACTED = False`. `bpfdoctor/report/registry.py` finds the module.

Text that it returns is for a person: on standard output its control characters are shown as what
they are. Bytes are for programs, and stay as they are.
'''
