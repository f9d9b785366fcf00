"""One loop for every task: optimizer, checkpoints, journal, pre-training and fine-tuning."""
