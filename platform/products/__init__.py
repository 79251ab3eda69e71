"""Product folders: one data product, one code location each."""
