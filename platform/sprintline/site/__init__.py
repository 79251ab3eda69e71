"""Templates for what people read: tables, plots, pages."""
