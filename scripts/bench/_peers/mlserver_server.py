"""Starts MLServer with one model in this process, REST only as far as it lets."""

import asyncio
import os
import sys

from mlserver import MLServer, ModelSettings, Settings
from mlserver_runtime import Runtime

port = int(sys.argv[1])
settings = Settings(
    host="127.0.0.1",
    http_port=port,
    grpc_port=port + 1,
    metrics_port=port + 2,
    parallel_workers=0,
    debug=False,
    metrics_dir=os.environ["BENCH_FOLDER"],
)


async def main() -> None:
    server = MLServer(settings)
    await server.start([ModelSettings(name="bench", implementation=Runtime)])


asyncio.run(main())
