"""One data product: its declaration, its calendar and what it is at run time."""
