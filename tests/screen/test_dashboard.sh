#!/bin/bash
# The dashboard's screens against their goldens: see tests/screen/run.
exec "$(dirname "$0")/run"
