#!/usr/bin/env bash
# Builds the functions for AWS and packs them: package.sh [arm64|x86-64] [PROFILE]
#
# The profile `lambda` makes the smallest package. After a change of one line `release` is
# ready in a third of the time, which is enough for a stage where something is tried.
set -euo pipefail
cd "$(dirname "$0")/../.."
infra/local/install.sh arm64
export PATH="$PWD/.venv/bin:$PATH"
cargo lambda build --profile "${2:-lambda}" "--${1:-arm64}" --package thali-functions
.venv/bin/python infra/local/package.py target/lambda/thali-functions/bootstrap
