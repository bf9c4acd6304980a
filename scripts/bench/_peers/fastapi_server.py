"""FastAPI as its documentation shows it: a pydantic model of the row, one endpoint; uvicorn, uvloop, httptools."""

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import create_model
from scoring import TYPES, score

fields: Any = {name: (str if kind is object else float, ...) for name, kind in TYPES.items()}
Row = create_model("Row", **fields)
Request = create_model("Request", rows=(list[Row], ...))
app = FastAPI()


@app.get("/ready")
async def ready() -> bool:
    return True


@app.post("/predict")
async def predict(request: Request) -> dict[str, Any]:
    return {"predictions": score([row.model_dump() for row in request.rows])}


uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", access_log=False, log_level="warning")
