"""The repository around the products: it becomes a team's own, and asks the right people for reviews."""
