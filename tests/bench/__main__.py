"""Runs benchmarks and prints a JSON line for each: `python -m tests.bench lifecycle unary`."""

import asyncio
import importlib
import json
import sys

from outbound_sms import log

MODULES = {
    "lifecycle": "lifecycle",
    "lifecycle_sql": "lifecycle",
    "lifecycle_money": "lifecycle",
    "hot_instance": "lifecycle",
    "dispatch_http": "dispatch_http",
    "dispatch_smpp": "dispatch_smpp",
    "expand": "expand",
    "watch_latency": "watch_latency",
    "watch_catch_up": "watch_latency",
    "unary": "unary",
    "fire_unary": "fire_unary",
    "fire_stream": "fire_stream",
    "receipts": "receipts",
    "inbound_stop": "inbound_stop",
}


def main() -> int:
    """Exit code 2 when a name is unknown."""
    names = sys.argv[1:] or list(MODULES)
    unknown = [name for name in names if name not in MODULES]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join(MODULES)}", file=sys.stderr)
        return 2
    log.configure("ERROR", sys.stderr)
    for module in dict.fromkeys(MODULES[name] for name in names):
        print(f"running {module} ...", file=sys.stderr, flush=True)
        for line in asyncio.run(importlib.import_module(f"tests.bench.{module}").run()):
            print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
