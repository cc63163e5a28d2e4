"""Asks for a Google token while OpenTelemetry records requests: traced.py BASE_URL KEY.

Prints the URLs of its spans; the last is one that is not ours.
"""

from __future__ import annotations

import sys

import requests
from opentelemetry import trace
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from carto_login_widget import Credentials

base_url, key = sys.argv[1:]
spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
RequestsInstrumentor().instrument()
URLLib3Instrumentor().instrument()
Credentials("jane", key, base_url).get_gcloud_credentials()
requests.get(f"{base_url}/another", timeout=10)
print(*{span.attributes["http.url"] for span in spans.get_finished_spans()})
