"""What figures mean, in words for readers who are not engineers."""

METRICS = {
    "accuracy": "share of rows predicted right",
    "roc_auc": "how well rows are ranked; 0.5 is guessing, 1 is perfect",
    "log_loss": "how honest the probabilities are; 0 is perfect",
    "f1": "balance of hits and false alarms; 1 is perfect",
    "rmse": "typical error, in the target's unit; large errors weigh more",
    "mae": "average error, in the target's unit",
    "r2": "share of the differences that is explained; 1 is perfect",
}
