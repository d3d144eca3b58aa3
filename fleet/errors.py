"""The fleet's one family of errors; texts never quote input, but may name a field."""


class FleetError(Exception):
    """Something the fleet was asked or given is not possible."""


class RegistryError(FleetError):
    """The registry file does not hold; the text names the field."""


class OperatorError(FleetError):
    """The operators' file does not hold; the text names the field."""


class TokenError(FleetError):
    """An operator's token opens nothing here; `code` is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class IdentityError(FleetError):
    """A key, a request or a certificate is not one that may be used."""


class CommandError(FleetError):
    """A command is not one that may be given, or not in this state; `code` is stable."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
