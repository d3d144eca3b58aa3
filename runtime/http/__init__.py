"""The bounded HTTP door of every service. Errors: RFC 9457."""
