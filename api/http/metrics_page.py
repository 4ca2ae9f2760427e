"""GET /metrics, for Prometheus."""

import asyncio
import hmac

from flask import Blueprint, Response, request
from prometheus_client.exposition import choose_encoder
from werkzeug.exceptions import NotFound, Unauthorized

from api.config.declaration import PRODUCTION
from api.config.settings import Settings
from api.limiting.rate_limits import RateLimits
from api.observability.metrics import Metrics
from api.runtime.services import service
from openapi.operation import Limit

metrics = Blueprint("metrics", __name__)
settings = service(Settings)
rate_limits = service(RateLimits)
counted = service(Metrics)


@metrics.get("/metrics")
async def get_metrics() -> Response:
    """Return the metrics in Prometheus's format, or as OpenMetrics if the client accepts it.

    It isn't in the document, because it is for the operator.
    """
    if settings.metrics_token:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        right = hmac.compare_digest(token.encode(), settings.metrics_token.encode())
        if scheme.lower() != "bearer" or not right:
            await rate_limits.count(Limit.GENERAL, None)
            raise Unauthorized
    elif settings.environment == PRODUCTION:
        await rate_limits.count(Limit.GENERAL, None)
        raise NotFound
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    # In a thread, because it may read many files.
    text = await asyncio.to_thread(encode, counted.current())
    return Response(text, content_type=content_type)
