"""What models share: fitted estimators, natively and as nodes of the graph, and what they are fitted with."""
