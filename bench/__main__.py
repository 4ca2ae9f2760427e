"""`make bench`: measures and writes bench/RESULTS.md."""

from pathlib import Path
from statistics import median

from bench.load import requests_per_second, require_wrk, served

ROUNDS, CONNECTIONS, SECONDS = 3, 200, 10
RESULTS = Path(__file__).parent / "RESULTS.md"


def main() -> None:
    require_wrk()
    rates: dict[str, list[float]] = {"stock": [], "bridge": []}
    for _ in range(ROUNDS):
        for name, measured in rates.items():
            with served(f"bench.waiting:{name}") as address:
                rate = requests_per_second(
                    f"{address}/wait", connections=CONNECTIONS, seconds=SECONDS
                )
            measured.append(rate)
            print(f"{name}: {rate:.1f} requests/s")
    stock, bridge = median(rates["stock"]), median(rates["bridge"])
    RESULTS.write_text(
        f"""# Results

Written by `make bench`. Ratios carry over to other machines; the figures don't.

## Requests that wait

{CONNECTIONS} concurrent requests to an async view that awaits 100 ms, for {SECONDS} s; server and
load (wrk) on a core each; medians of {ROUNDS} alternating rounds; default settings, logs to a file.

| Flask on Hypercorn behind | requests/s | beside the stock wrapper |
| --- | --- | --- |
| asgiref's stock `WsgiToAsgi` | {stock:.1f} | 1 |
| `serving.Bridge` | {bridge:.1f} | {bridge / stock:.0f} |
"""
    )
    print(f"ratio {bridge / stock:.0f}, written to {RESULTS.name}")


if __name__ == "__main__":
    main()
