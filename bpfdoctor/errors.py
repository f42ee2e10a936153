"""The one error that a user caused and can mend."""


class BpfDoctorError(Exception):
    """Wrong usage or configuration: one clear sentence, and what to do about it.

    Caught once, in `bpfdoctor.cli`, and turned into exit status 2.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
