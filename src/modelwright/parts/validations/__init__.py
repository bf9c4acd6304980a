"""How scores on rows that the scored models were not fitted on are found out, in train and tune alike."""
