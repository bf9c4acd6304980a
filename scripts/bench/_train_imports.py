"""Imports what `modelwright train` of LightGBM does, and nothing more: `train.py` asks what that takes."""

import lightgbm  # noqa: F401
import sklearn.metrics  # noqa: F401

import modelwright.cli.app
import modelwright.fitting.auto
import modelwright.fitting.recalibration
import modelwright.stages.train
import modelwright.stages.train_results  # noqa: F401
