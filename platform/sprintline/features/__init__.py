"""Features: Feast views, their offline and online stores, and rebuilding them."""
