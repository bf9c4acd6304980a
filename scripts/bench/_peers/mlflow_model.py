"""The model as MLflow's python function, written as code; run with a folder, it is saved there."""

import sys
from pathlib import Path
from typing import Any

import mlflow


class Bench(mlflow.pyfunc.PythonModel):
    def load_context(self, context: Any) -> None:
        sys.path.insert(0, str(Path(context.artifacts["scoring"]).parent))
        from scoring import score_columns

        self.score = score_columns

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return self.score({name: model_input[name].tolist() for name in model_input.columns})


if __name__ == "__main__":
    here = Path(__file__)
    mlflow.pyfunc.save_model(
        sys.argv[1],
        python_model=str(here),
        artifacts={"scoring": str(here.with_name("scoring.py"))},
        pip_requirements=["onnxruntime"],
    )
else:
    mlflow.models.set_model(Bench())
