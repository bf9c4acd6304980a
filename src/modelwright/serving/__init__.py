"""Answers requests from a bundle; imports neither pandas, scikit-learn, torch nor spec."""
