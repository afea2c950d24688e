#!/usr/bin/env python3
"""A metrics text with the parser of the prometheus_client package (pip install prometheus_client; made with 0.26).

prometheus_text.py FILE   prints each sample as the parser read it
"""
import sys

from prometheus_client.parser import text_string_to_metric_families

if len(sys.argv) != 2:
    sys.exit(__doc__)
families = list(text_string_to_metric_families(open(sys.argv[1]).read()))
for family in families:
    for sample in family.samples:
        labels = ", ".join(f"{key}={value}" for key, value in sample.labels.items())
        print(f"{family.type} {sample.name}{' [' + labels + ']' if labels else ''} {sample.value:g}")
print(len(families), "metrics")
