"""The terminal's certificate and key, which may be renewed while it runs."""

from structlog.typing import FilteringBoundLogger

from runtime.tls import RenewableContext


def refreshed(tls: RenewableContext, log: FilteringBoundLogger) -> bool:
    """Load certificate, key and CA again if they were replaced; says whether they were."""
    try:
        renewed = tls.refresh()
    except OSError as error:  # half written: what was loaded stays in use
        log.warning("certificate.unusable", error=type(error).__name__)
        return False
    if renewed:
        log.info("certificate.renewed")
    return renewed
