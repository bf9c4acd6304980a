"""A custom runtime of MLServer, which asks with the Open Inference Protocol."""

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from scoring import score_columns


class Runtime(MLModel):
    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        found = score_columns({tensor.name: list(tensor.data) for tensor in payload.inputs})
        output = NumpyCodec.encode_output("probability", np.array(found))
        return InferenceResponse(model_name=self.name, outputs=[output])
