"""The fleet's HTTP door for services and people; one file for each resource. Errors: RFC 9457."""
