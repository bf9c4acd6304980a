"""LitServe as its documentation shows it, with one worker."""

import sys
from typing import Any

import litserve


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:
        from scoring import score

        self.score = score

    def decode_request(self, request: dict[str, Any]) -> Any:
        return request["rows"]

    def predict(self, rows: Any) -> Any:
        return self.score(rows)

    def encode_response(self, output: Any) -> dict[str, Any]:
        return {"predictions": output}


if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
