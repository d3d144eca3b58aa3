"""What is made of a table of routes: an OpenAPI 3.1 document, and a page for people."""
