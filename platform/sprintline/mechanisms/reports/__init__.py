"""Reports: one document rendered as Markdown, HTML and JSON."""
