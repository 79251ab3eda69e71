"""Rules and gates: from evidence to a verdict, from verdicts to a decision."""
