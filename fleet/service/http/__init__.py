"""The fleet's HTTP door for services and people; a file a resource. Errors: RFC 9457."""
